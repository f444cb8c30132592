/**
 * Whose turn it is to change a file, for programs of one person that share nothing but a folder.
 *
 * Whoever wants the turn puts down a file of its own, named after when its claim lapses, and has the turn if there is no other
 * then. Two who do so at once see one another, and both try again.
 * Guarantees that at most one has the turn; and that one which was killed holds up the others for `leaseTime` at most, which is
 * less than the time for which issuers forgive that a refresh token is sent once more.
 */
import { randomBytes } from "node:crypto";
import { open, readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { ClientError } from "../client-error.ts";
import { makeFolder, removeFile, unlessMissing } from "./private-file.ts";

/** Milliseconds after which a claim lapses, as in `lib/refresh-turn.ts`. */
export const leaseTime = 12_000;
/** Milliseconds between two looks, at first and at most; and how long one waits in all. */
const firstLook = 10;
const longestLook = 250;
const longestWait = 2 * leaseTime;

/** Runs something while it has the turn. `issuer_unavailable` if others do not let go for 24 s. */
export async function inTurn<T>(file: string, now: () => number, run: () => Promise<T>): Promise<T> {
  await makeFolder(dirname(file));
  const claim = await takeTurn(file, now);
  try {
    return await run();
  } finally {
    await removeFile(claim);
  }
}

async function takeTurn(file: string, now: () => number): Promise<string> {
  let look = firstLook;
  for (let waited = 0; waited < longestWait; ) {
    if ((await claimsOf(file, now())).length === 0) {
      const claim = `${file}.${now() + leaseTime}.${randomBytes(9).toString("base64url")}.lock`;
      await (await open(claim, "wx", 0o600)).close();
      if ((await claimsOf(file, now())).every((other) => other === claim)) return claim;
      await removeFile(claim);
    }
    // Up to half of it at random: those who gave way to one another do not meet again.
    const ms = look * (1 - Math.random() / 2);
    await pause(ms);
    waited += ms;
    look = Math.min(look * 2, longestLook);
  }
  throw new ClientError("issuer_unavailable", "other programs have been renewing the tokens for too long", {
    retryAfter: 1,
  });
}

/** Claims that have not lapsed. What dead programs left behind is removed: their claims, and drafts of the file. */
async function claimsOf(file: string, now: number): Promise<string[]> {
  const folder = dirname(file);
  const start = `${basename(file)}.`;
  const claims: string[] = [];
  for (const name of (await readdir(folder).catch(unlessMissing)) ?? []) {
    const [until, , kind, ...more] = name.startsWith(start) ? name.slice(start.length).split(".") : [];
    if ((kind !== "lock" && kind !== "tmp") || more.length > 0 || !/^\d+$/.test(until ?? "")) continue;
    const left = Number(until) - now;
    // One from far in the future was made by a clock that has been set back since.
    if (left <= 0 || left > 2 * leaseTime) await removeFile(join(folder, name));
    else if (kind === "lock") claims.push(join(folder, name));
  }
  return claims;
}
