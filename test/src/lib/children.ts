/**
 * The processes below a process, as the kernel of Linux tells them: what a test wants to kill, stop or watch.
 */
import { readFileSync } from "node:fs";

/** Lists the children of a process. */
export function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
}

/** Says whether a process is there, and not only waits for its parent to look at how it ended. */
export function isAlive(pid: number): boolean {
  const state = statOf(pid)?.[0];
  return state !== undefined && state !== "Z" && state !== "X";
}

/** Ticks of a processor that a process has used: hundredths of a second. */
export function ticksOf(pid: number): number {
  const fields = statOf(pid);
  return Number(fields?.[11] ?? 0) + Number(fields?.[12] ?? 0);
}

/** The process that started this one. */
export function parentOf(pid: number): number {
  return Number(statOf(pid)?.[1] ?? 0);
}

/** proc(5): the fields of `stat` after the name, which may itself have blanks and brackets in it. */
function statOf(pid: number): string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ");
  } catch {
    return undefined;
  }
}
