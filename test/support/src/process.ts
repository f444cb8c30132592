/**
 * Runs a program for a test: waits until it says it is ready, keeps what it prints, ends it for sure.
 *
 * The one property: the child never outlives the test process, and every wait has an end with a message that shows
 * what the child printed.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { removeWhenProcessEnds } from "./lib/outlive.ts";

export interface ProcessOptions {
  /** Environment of the child, exactly but for `NODE_COMPILE_CACHE`; the test's own unless given. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** A line on stdout or stderr that says the child is ready: text it contains or an expression it matches. */
  readonly ready?: RegExp | string;
  /** Milliseconds for `ready` and, unless told otherwise, for `waitForLine`. 20,000 unless given. */
  readonly timeout?: number;
}

/** How a process ended: its exit code, or the signal that killed it. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface RunningProcess {
  readonly pid: number;
  /** Everything printed so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves when the process has ended by itself or by one of the functions below. */
  readonly ended: Promise<Ended>;
  /** The line that made it count as ready; empty without `ready`. */
  readonly readyLine: string;
  /** Finds the first line, past or future, on stdout or stderr that matches. Rejects when the child ends or time is up. */
  waitForLine(wanted: RegExp | string, timeout?: number): Promise<string>;
  /** Sends any signal, e.g. `SIGHUP`, `SIGSTOP`. */
  signal(name: NodeJS.Signals): void;
  /** Writes to the standard input of the child. */
  write(text: string): void;
  /** Asks to end (SIGTERM) and waits; after 10 s it is killed. */
  stop(): Promise<Ended>;
  /** Kills (SIGKILL) and waits. */
  kill(): Promise<Ended>;
}

/** Starts a program and waits for its ready line. Rejects with all its output if it ends or stays silent instead. */
export async function startProcess(
  command: string,
  args: readonly string[],
  options: ProcessOptions = {},
): Promise<RunningProcess> {
  const timeout = options.timeout ?? 20_000;
  const child = spawn(command, args, {
    env: withCompileCache(options.env ?? process.env),
    stdio: ["pipe", "pipe", "pipe"],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  child.stdin.on("error", () => {});
  const output = { stdout: "", stderr: "" };
  const listeners = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8");
    child[name].on("data", (text: string) => {
      output[name] += text;
      for (const listener of [...listeners]) listener();
    });
  }
  const ended = new Promise<Ended>((resolve) => {
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
  await new Promise((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  const pid = child.pid ?? 0;
  const forget = removeWhenProcessEnds({ pid, signal: "KILL" });
  void ended.then(forget);

  const waitForLine = (wanted: RegExp | string, time = timeout): Promise<string> =>
    new Promise((resolve, reject) => {
      const looked = { stdout: 0, stderr: 0 };
      const done = () => {
        clearTimeout(timer);
        listeners.delete(look);
      };
      const look = () => {
        for (const name of ["stdout", "stderr"] as const) {
          // What follows the last line break may still be growing: only whole lines count.
          const end = output[name].lastIndexOf("\n") + 1;
          const lines = output[name].slice(looked[name], end).split("\n");
          looked[name] = end;
          const line = lines.slice(0, -1).find((one) => isWanted(one, wanted));
          if (line === undefined) continue;
          done();
          resolve(line);
          return;
        }
      };
      const fail = (why: string) => {
        done();
        reject(new Error(`${command}: ${why} ${wanted}\n${describe(output)}`));
      };
      const timer = setTimeout(fail, time, `no line within ${time} ms matches`);
      listeners.add(look);
      void ended.then(({ code, signal }) => fail(`ended (${signal ?? code}) before a line matched`));
      look();
    });

  const end = async (name: NodeJS.Signals): Promise<Ended> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(name);
    const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
    try {
      return await ended;
    } finally {
      clearTimeout(timer);
    }
  };

  let readyLine = "";
  try {
    if (options.ready !== undefined) readyLine = await waitForLine(options.ready);
  } catch (error) {
    await end("SIGKILL");
    throw error;
  }
  release(child);
  return {
    pid,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    ended,
    readyLine,
    waitForLine,
    signal: (name) => void child.kill(name),
    write: (text) => void child.stdin.write(text),
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
  };
}

/** Runs a program to its end: what it printed and how it ended. */
export async function runProcess(
  command: string,
  args: readonly string[],
  options: Omit<ProcessOptions, "ready"> & { readonly input?: string } = {},
): Promise<Ended & { readonly stdout: string; readonly stderr: string }> {
  const child = spawn(command, args, {
    env: withCompileCache(options.env ?? process.env),
    stdio: ["pipe", "pipe", "pipe"],
    timeout: options.timeout ?? 60_000,
    killSignal: "SIGKILL",
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  child.stdin.on("error", () => {});
  child.stdin.end(options.input ?? "");
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  return { code, signal, stdout, stderr };
}

/** Node keeps there what it compiled. It changes nothing but how much work a start is, and tests start many processes. */
function withCompileCache(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, ...env };
}

/** A test that forgot to stop its child still ends: nothing of the child holds the event loop. */
function release(child: ChildProcess): void {
  child.unref();
  for (const stream of [child.stdin, child.stdout, child.stderr]) {
    if (stream && "unref" in stream && typeof stream.unref === "function") stream.unref();
  }
}

function isWanted(line: string, wanted: RegExp | string): boolean {
  return typeof wanted === "string" ? line.includes(wanted) : line.search(wanted) >= 0;
}

function describe(output: { stdout: string; stderr: string }): string {
  return `--- stdout\n${output.stdout.slice(-4_000)}\n--- stderr\n${output.stderr.slice(-4_000)}`;
}
