/**
 * Several processes that answer at one address: each a whole server on the same PostgreSQL, with one parent that starts them,
 * replaces the one that dies, and ends them together.
 *
 * The parent opens no database and sees no request: it accepts connections and hands each to a worker (`node:cluster`). The one
 * property: `startWorkers` resolves when all of them answer, and rejects with nothing left running otherwise.
 */
import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import type { Log } from "@valetkey/provider/op";
import type { Part } from "./serve.ts";

/** What the parent tells a worker first. */
export interface Order {
  /** Flags of `serve`, from which the worker reads the settings as its parent did. */
  readonly flags: unknown;
  /** Never 0: all listen at the same. */
  readonly port: number;
  readonly part: Part;
}

/** What a worker says to its parent. `failed`: the page of an error (`cli/errors.ts`), as it ends. */
export type News =
  | { readonly ready: { readonly issuer: string; readonly setupUrl?: string } }
  | { readonly failed: Failure };

/** Why a worker did not start: what `CliError` is made of. */
export interface Failure {
  readonly code: string;
  readonly details: readonly (readonly [string, string])[];
  readonly fix: string;
  readonly stack?: string;
}

/** A worker did not start, and so none did. */
export class WorkerFailed extends Error {
  override readonly name = "WorkerFailed";
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(`a worker did not start: ${failure.code}`);
    this.failure = failure;
  }
}

export interface WorkersOptions {
  readonly count: number;
  readonly flags: unknown;
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
}

export interface RunningWorkers {
  readonly issuer: string;
  readonly port: number;
  readonly setupUrl?: string;
  /** Asks all of them to finish what is under way and end; whoever has not after 15 s is killed. */
  close(): Promise<void>;
}

const endsWithin = 15_000;
/** Milliseconds before the next start of a worker that died: at once, then longer and longer. */
const pauses = [0, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000] as const;
/** A worker that lived so long died of something new. */
const longLife = 60_000;

/** Starts them: the first alone, because it prepares what they share, then the others. Rejects with `WorkerFailed`. */
export async function startWorkers(options: WorkersOptions): Promise<RunningWorkers> {
  const { count, log } = options;
  const port = options.port === 0 ? await freePort(options.host) : options.port;
  const live = new Set<Worker>();
  const timers = new Set<NodeJS.Timeout>();
  let ending = false;
  cluster.setupPrimary({
    exec: fileURLToPath(new URL("./workers-child.js", import.meta.url)),
    args: [],
    cwd: options.folder,
  });

  const start = async (part: Part): Promise<{ worker: Worker; ready: RunningWorkers["issuer"]; setupUrl?: string }> => {
    const worker = cluster.fork(options.env);
    live.add(worker);
    const handedOver = watchHandovers(worker);
    worker.once("exit", () => {
      live.delete(worker);
      handedOver.end();
    });
    worker.on("error", (error) => log.warn({ event: "worker.error", pid: worker.process.pid, error }, "a worker"));
    const order: Order = { flags: options.flags, port, part };
    const said = new Promise<News>((resolve) => {
      worker.on("message", (news: News) => resolve(news));
      worker.once("exit", (code, signal) =>
        resolve({ failed: unexpected(`it ended (${signal ?? code}) before it answered`) }),
      );
    });
    worker.send(order, () => {});
    const news = await said;
    if ("failed" in news) throw new WorkerFailed(news.failed);
    const { issuer, setupUrl } = news.ready;
    return { worker, ready: issuer, ...(setupUrl === undefined ? {} : { setupUrl }) };
  };

  /** Starts another in the place of one that ends, as often as it takes. */
  const keep = (worker: Worker, part: Part, before: number): void => {
    const since = Date.now();
    const lost = (code: number | null, signal: string | null) => {
      if (ending) return;
      const deaths = Date.now() - since > longLife ? 0 : before;
      const wait = pauses[Math.min(deaths, pauses.length - 1)] ?? 0;
      // Not called `code`: that name is a secret in the log.
      const fields = { event: "worker.ended", pid: worker.process.pid, status: code, signal, waitMs: wait };
      log.warn(fields, "a worker ended and is replaced");
      replaceAfter(wait, part, deaths + 1);
    };
    if (worker.isDead()) lost(worker.process.exitCode, worker.process.signalCode);
    else worker.once("exit", lost);
  };
  const replaceAfter = (wait: number, part: Part, deaths: number): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      start(part).then(
        ({ worker }) => {
          log.info({ event: "worker.replaced", pid: worker.process.pid }, "another worker answers in its place");
          keep(worker, part, deaths);
        },
        (error: unknown) => {
          if (ending) return;
          const failure = error instanceof WorkerFailed ? error.failure : unexpected(String(error));
          const next = pauses[Math.min(deaths, pauses.length - 1)] ?? 0;
          const why = failure.details.map(([label, text]) => `${label}: ${text}`).join("; ");
          log.error({ event: "worker.failed", problem: failure.code, why, waitMs: next }, "a worker did not start");
          replaceAfter(next, part, deaths + 1);
        },
      );
    }, wait);
    timers.add(timer);
  };

  const close = async (): Promise<void> => {
    ending = true;
    for (const timer of timers) clearTimeout(timer);
    const all = [...live];
    const gone = Promise.all(all.map((worker) => worker.isDead() || once(worker, "exit")));
    for (const worker of all) worker.send("end", () => {});
    const timer = setTimeout(() => {
      for (const worker of all) worker.process.kill("SIGKILL");
    }, endsWithin);
    await gone;
    clearTimeout(timer);
  };

  try {
    const first = await start("whole");
    const others = await Promise.all(Array.from({ length: count - 1 }, () => start("answer")));
    // Whoever takes the place of the first looks after the store as well, and announces no link again.
    keep(first.worker, "maintain", 0);
    for (const { worker } of others) keep(worker, "answer", 0);
    for (const { worker } of [first, ...others])
      log.info({ event: "worker.started", pid: worker.process.pid }, "a worker answers");
    const { ready: issuer, setupUrl } = first;
    return { issuer, port, ...(setupUrl === undefined ? {} : { setupUrl }), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * A connection on its way to a worker that dies before it takes it would stay open for ever in this process, which does not read it:
 * Node waits for the word of the worker. There is one at a time. If it was taken, it is closed here already, and nothing happens.
 */
function watchHandovers({ process: child }: Worker): { end(): void } {
  let last: { close(): void } | undefined;
  const send = child.send.bind(child) as (message: unknown, handle?: unknown, ...rest: unknown[]) => boolean;
  child.send = (message: unknown, handle?: unknown, ...rest: unknown[]): boolean => {
    if (typeof handle === "object" && handle !== null && "close" in handle) last = handle as { close(): void };
    return send(message, handle, ...rest);
  };
  return { end: () => last?.close() };
}

function unexpected(why: string): Failure {
  return { code: "VK1000", details: [["why", why]], fix: "look at the log, then run valetkey doctor" };
}

/** A worker that comes later must find the same port: one that each chooses anew would not be. */
async function freePort(host: string): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
