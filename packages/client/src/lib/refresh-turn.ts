/**
 * Whose turn it is to refresh an account, with the store as the lock: a lease in the vault entry, taken by replacing exactly the
 * version that was read.
 *
 * RFC 9700 §4.14 (a refresh token that is used twice costs the permission).
 * Guarantees that of all processes on one store a single one holds a turn; that one which died holds up the others for
 * `leaseTime` at most, which leaves them the time to ask again while an issuer still forgives it; and that what an issuer
 * answered is not dropped because the store failed for a moment.
 */
import { randomToken } from "@valetkey/protocol/random";
import { StoreUnavailable } from "@valetkey/store";
import { ClientError } from "../client-error.ts";
import type { App } from "./app.ts";
import { readVault, replaceVault, type Vault } from "./vault.ts";

/** Milliseconds a refresh request may take. */
export const requestTime = 8_000;
/** Milliseconds after which a turn lapses: the request, and the time to store its answer. Issuers forgive for 20 s and more. */
export const leaseTime = 12_000;
/** Milliseconds between two looks at somebody else's turn: at first, and at most. */
const firstLook = 10;
const longestLook = 250;
/** Milliseconds one caller waits, whatever others do. */
const longestWait = 2 * leaseTime;
/** Milliseconds before each further attempt to store an answer. */
const storePauses = [50, 100, 200, 400, 800];
/** How often a store that answers may have moved on before we had written. */
const maxRaces = 20;

/** A turn that was taken: the entry as it stands now, with our lease in it. */
export interface Turn {
  readonly vault: Vault;
  /** Somebody had a turn before and never ended it: their request may have reached the issuer. */
  readonly inherited: boolean;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits for turns of others. One for each caller. */
export interface Queue {
  /** Tells whether somebody else has the turn and may still be alive. */
  isTaken(vault: Vault): boolean;
  /** Waits a moment, longer each time. `issuer_unavailable` after 24 s: then nothing gets better by waiting. */
  wait(vault: Vault): Promise<void>;
}

export function createQueue(app: App): Queue {
  let waited = 0;
  let look = firstLook;
  let seen: { readonly owner: string; readonly since: number } | undefined;
  return {
    isTaken({ lease }) {
      if (lease === undefined || lease.until <= app.now()) return false;
      // The owner's clock may be ahead of ours: whoever has been watched for a whole turn has had it.
      return seen?.owner !== lease.owner || waited - seen.since < leaseTime;
    },
    async wait({ lease }) {
      if (waited >= longestWait) {
        throw new ClientError("issuer_unavailable", "others have been refreshing this account for too long", {
          retryAfter: 1,
        });
      }
      if (lease !== undefined && seen?.owner !== lease.owner) seen = { owner: lease.owner, since: waited };
      // Up to half of it at random: those who wait do not all look at once.
      const ms = look * (1 - Math.random() / 2);
      await pause(ms);
      waited += ms;
      look = Math.min(look * 2, longestLook);
    },
  };
}

/** Takes the turn if the entry is still as it was read; otherwise nothing, and the caller looks again. */
export async function takeTurn(app: App, vault: Vault): Promise<Turn | undefined> {
  const lease = { owner: randomToken(9), until: app.now() + leaseTime };
  const next: Vault = { ...vault, lease, restUntil: undefined };
  if (!(await app.store.commit([await replaceVault(app, next)]))) return undefined;
  return { vault: { ...next, version: vault.version + 1 }, inherited: vault.lease !== undefined };
}

/**
 * Writes what a turn has brought: over the entry as it was taken, else over what has become of it meanwhile. A store that does
 * not answer is asked again for a moment, then the failure is thrown; `sign_in_again`: the session is over.
 */
export async function writeInTurn(app: App, turn: Turn, change: (vault: Vault) => Vault): Promise<Turn> {
  let vault: Vault | undefined = turn.vault;
  let failures = 0;
  for (let races = 0; races < maxRaces; ) {
    try {
      vault ??= await readVault(app, turn.vault.id);
      if (vault === undefined) throw new ClientError("sign_in_again", "the session is over");
      const next = change(vault);
      if (await app.store.commit([await replaceVault(app, next)])) {
        return { ...turn, vault: { ...next, version: vault.version + 1 } };
      }
      races += 1;
    } catch (e) {
      const ms = storePauses[failures];
      if (!(e instanceof StoreUnavailable) || ms === undefined) throw e;
      failures += 1;
      await pause(ms);
    }
    // Somebody was faster; or the store had written it and could not say so any more.
    vault = undefined;
  }
  throw new ClientError("store_unavailable", "the tokens kept changing in the store");
}

/** The entry without our turn in it. Somebody else's stays. */
export const withoutTurn = (vault: Vault, { vault: { lease: ours } }: Turn): Vault =>
  vault.lease?.owner === ours?.owner ? { ...vault, lease: undefined } : vault;

/** Ends a turn that brought nothing, and says how long the issuer is to be left alone. What fails here lapses by itself. */
export async function giveBack(app: App, turn: Turn, restUntil?: number): Promise<void> {
  try {
    await app.store.commit([await replaceVault(app, { ...withoutTurn(turn.vault, turn), restUntil })]);
  } catch (err) {
    app.log.warn({ event: "refresh.turn_kept", err }, "the turn to refresh could not be given back; it will lapse");
  }
}
