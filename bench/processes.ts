/**
 * Starts servers as processes of their own, each held to one core, and reads what the kernel counts for them.
 *
 * The one property: what a server costs is read from outside, for its children and threads too, so that a server in Python and one
 * in Node are measured alike.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Target } from "./target.ts";

const canPin = spawnSync("taskset", ["-p", String(process.pid)]).status === 0;

/** Said in the environment. */
export const pinning = canPin ? "server on core 0, generator on core 1" : "unpinned: there is no taskset";

/** Holds this process, the generator, to the core the servers are not on. */
export function pinGenerator(): void {
  if (canPin) spawnSync("taskset", ["-a", "-cp", "1", String(process.pid)]);
}

export interface ServerProcess {
  readonly target: Target;
  readonly pid: number;
  /** Milliseconds from the start of the process until it said that it answers. */
  readonly startedIn: number;
  /** Rejects when it ends without having been asked to. */
  readonly died: Promise<never>;
  stop(): Promise<void>;
}

export interface StartOptions {
  /** Its error stream goes there; nowhere otherwise. */
  readonly log?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Before the command, e.g. `strace` and its flags. */
  readonly under?: readonly string[];
  readonly unpinned?: boolean;
}

/** Starts a command that prints its target, and resolves when it has. */
export async function startServerProcess(
  command: readonly string[],
  options: StartOptions = {},
): Promise<ServerProcess> {
  const pinned = canPin && options.unpinned !== true ? ["taskset", "-c", "0"] : [];
  const [program = "", ...args] = [...pinned, ...(options.under ?? []), ...command];
  const began = performance.now();
  const log = options.log === undefined ? undefined : openSync(options.log, "a");
  const child = spawn(program, args, {
    stdio: ["pipe", "pipe", log ?? "ignore"],
    env: { ...process.env, NODE_ENV: "production", ...options.env },
  });
  if (log !== undefined) closeSync(log);
  let stopping = false;
  const died = new Promise<never>((_, reject) => {
    const end = (why: string) => stopping || reject(new Error(`${command.join(" ")} ended: ${why}`));
    child.once("error", (error) => end(error.message));
    child.once("exit", (code, signal) => end(`${code ?? signal}${options.log ? `, see ${options.log}` : ""}`));
  });
  died.catch(() => {});
  const target = await Promise.race([firstLine(child), died]);
  return {
    target,
    pid: child.pid ?? 0,
    startedIn: performance.now() - began,
    died,
    async stop() {
      if (stopping) return;
      stopping = true;
      const ended = child.exitCode === null && child.signalCode === null ? once(child, "exit") : undefined;
      child.kill("SIGTERM");
      child.stdin?.end();
      await ended;
    },
  };
}

async function firstLine(child: ChildProcess): Promise<Target> {
  if (child.stdout === null) throw new Error("no output");
  for await (const line of createInterface(child.stdout)) {
    if (!line.startsWith('{"port"')) continue;
    // Whatever else it prints must not fill the pipe.
    child.stdout.resume();
    return JSON.parse(line) as Target;
  }
  return new Promise(() => {});
}

/** A process and all that descend from it. */
export function familyOf(pid: number): readonly number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return [pid, ...(children === "" ? [] : children.split(" ").flatMap((child) => familyOf(Number(child))))];
  } catch {
    return [];
  }
}

/** Microseconds of processor time of a process, its threads and its descendants, living or waited for (proc(5): utime to cstime). */
export function cpuOf(pid: number): number {
  let ticks = 0;
  for (const one of familyOf(pid)) {
    const stat = readText(`/proc/${one}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    for (const at of [11, 12, 13, 14]) ticks += Number(fields[at] ?? 0);
  }
  return (ticks * 1_000_000) / ticksPerSecond;
}

const ticksPerSecond = Number(spawnSync("getconf", ["CLK_TCK"]).stdout?.toString() ?? "") || 100;

/** Resident memory of a process and its descendants, in megabytes; shared pages count for each. */
export function memoryOf(pid: number): number {
  const kilobytes = familyOf(pid).map((one) => /^VmRSS:\s+(\d+)/m.exec(readText(`/proc/${one}/status`))?.[1] ?? "0");
  return kilobytes.reduce((sum, one) => sum + Number(one), 0) / 1024;
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
