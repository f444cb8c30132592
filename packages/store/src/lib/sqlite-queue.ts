/**
 * The writing thread as seen from the main one: sends it groups of commits and steps of sweeping, one order at a time.
 *
 * Sweeping deletes little at once and takes turns with the commits. The one property: a commit is answered after its own
 * group is on disk, or rejected with `StoreUnavailable`; nothing is left without an answer when the thread ends.
 */

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { NewerSchema, StoreUnavailable } from "../store.ts";
import { flatten } from "./flat-writes.ts";
import { inGroups } from "./groups.ts";
import type { Write } from "./row.ts";
import type { Answer, Order } from "./sqlite-writer.ts";
import { sweepInSteps } from "./sweep-steps.ts";

/** Expired entries deleted in one transaction at most: a millisecond or two. */
const sweepLimit = 100;

export interface Writer {
  /** Name of the file the writer holds, as of `fileIdentity`. */
  readonly identity: string;
  commit(writes: readonly Write[]): Promise<boolean>;
  sweep(): Promise<number>;
  /** Waits for what is under way, then ends the thread. */
  close(): Promise<void>;
}

type Done = Extract<Answer, { done: unknown }>;

interface Pending {
  readonly resolve: (answer: Done) => void;
  readonly reject: (error: StoreUnavailable) => void;
}

/**
 * Starts the thread and waits until it has opened the file; rejects with `NewerSchema`, or an Error that says why it could
 * not.
 */
export async function startWriter(file: string, now: () => number): Promise<Writer> {
  const worker = new Worker(new URL("./sqlite-writer.js", import.meta.url), { workerData: file });
  const ended = once(worker, "exit");
  const [first] = (await once(worker, "message")) as [Answer];
  if (!("opened" in first)) {
    await ended;
    if ("failed" in first && first.newer) throw new NewerSchema(first.failed);
    throw new Error(`Cannot open ${file}: ${"failed" in first ? first.failed : "the thread did not start"}`);
  }
  // The thread keeps the process alive only while an answer is awaited.
  worker.unref();

  const pending: Pending[] = [];
  let refusal: string | undefined;
  let closing = false;

  /** Answers come in the order of the orders. */
  const ask = (order: Order) =>
    new Promise<Done>((resolve, reject) => {
      if (refusal !== undefined) {
        reject(new StoreUnavailable(refusal));
        return;
      }
      pending.push({ resolve, reject });
      worker.ref();
      worker.postMessage(order);
    });

  worker.on("message", (answer: Answer) => {
    const call = pending.shift();
    if (pending.length === 0) worker.unref();
    if ("done" in answer) call?.resolve(answer);
    else if ("failed" in answer) {
      const cause = Object.assign(new Error(answer.failed), { code: answer.code });
      call?.reject(new StoreUnavailable(`The database cannot be written: ${answer.failed}`, { cause }));
    }
  });

  const die = (cause: unknown) => {
    refusal ??= "The thread that writes to the database has ended.";
    for (const call of pending.splice(0)) call.reject(new StoreUnavailable(refusal, { cause }));
  };
  worker.on("error", die);
  worker.on("exit", (code) => die(new Error(`exit code ${code}`)));

  const commits = inGroups<readonly Write[], boolean>({
    size: 512,
    // One group in the thread and the next one growing: a second in its inbox would only be smaller.
    atOnce: 1,
    waiting: 10_000,
    run: async (group) => (await ask({ commits: flatten(group), at: now(), sweep: 0 })).done,
  });

  const sweeps = inGroups<undefined, number>({
    size: 1,
    atOnce: 1,
    waiting: 10,
    async run() {
      const step = async () => (await ask({ commits: [], at: now(), sweep: sweepLimit })).swept;
      return [await sweepInSteps(step, sweepLimit, () => closing)];
    },
  });

  return {
    identity: first.opened,
    commit: commits.ask,
    sweep: () => sweeps.ask(undefined),
    async close() {
      closing = true;
      await Promise.all([commits.idle(), sweeps.idle()]);
      if (refusal === undefined) {
        refusal = "The store is closed.";
        worker.ref();
        worker.postMessage("close" satisfies Order);
      }
      await ended;
    },
  };
}
