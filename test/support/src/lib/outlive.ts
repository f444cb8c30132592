/**
 * Cleans up after a test process, however it ends.
 *
 * An `exit` listener never runs when the process is killed, so a tiny shell waits on a pipe that closes by itself
 * with its owner. The one property: no child process and no temporary folder outlives the test process that made it.
 */

import { spawn } from "node:child_process";

/** What is to go when the test process ends. */
export interface Leftovers {
  readonly pid: number;
  /** Name of the signal for `pid`, without `SIG`. */
  readonly signal: "KILL" | "QUIT";
  /** Folder to remove once the process is gone. */
  readonly folder?: string;
}

const script = `
trap '' INT TERM HUP
read -r _ && exit 0
kill -s "$2" "$1" 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$1" 2>/dev/null || break; sleep 0.2; done
kill -s KILL "$1" 2>/dev/null
if [ -n "$3" ]; then rm -rf -- "$3"; fi
`;

/** Starts to watch. Call the result once the leftovers are gone in the ordinary way. */
export function removeWhenProcessEnds(leftovers: Leftovers): () => void {
  const watcher = spawn("/bin/sh", ["-c", script, "sh", `${leftovers.pid}`, leftovers.signal, leftovers.folder ?? ""], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  watcher.on("error", () => {});
  watcher.stdin.on("error", () => {});
  watcher.unref();
  if ("unref" in watcher.stdin && typeof watcher.stdin.unref === "function") watcher.stdin.unref();
  return () => {
    watcher.stdin.end("done\n");
  };
}
