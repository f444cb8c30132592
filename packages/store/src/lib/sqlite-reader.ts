/**
 * Looks entries up in SQLite, all that are asked for in one turn of the event loop within one transaction.
 *
 * Another connection writes all the time, and each transaction that reads has to find out anew what it may keep of the pages it
 * knows: twenty look-ups in one cost little more than two alone. The one property: what is found was there after the question was
 * asked, so whatever was acknowledged before it is seen.
 */

import type { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers";
import { type Entry, StoreUnavailable } from "../store.ts";
import { entryOf } from "./row.ts";

export interface Lookups {
  /** Finds a live entry. Rejects with `StoreUnavailable`. */
  get(kind: string, id: string): Promise<Entry | undefined>;
  /** Answers what was asked for; before the connection is closed. */
  flush(): void;
}

interface Call {
  readonly kind: string;
  readonly id: string;
  readonly resolve: (entry: Entry | undefined) => void;
  readonly reject: (error: StoreUnavailable) => void;
}

type Columns = [version: number, client: string | null, subject: string | null, expiresAt: number | null, data: string];

/** Prepares look-ups on this connection. `refusal`: why nothing can be read now, if that is so. */
export function startLookups(database: DatabaseSync, now: () => number, refusal: () => string | undefined): Lookups {
  const find = database.prepare(`
    select version, client, subject, expires_at, data from entry
    where kind = ? and id = ? and (expires_at is null or expires_at > ?)`);
  find.setReturnArrays(true);
  const begin = database.prepare("begin");
  const end = database.prepare("commit");
  let calls: Call[] = [];

  const answer = ({ kind, id, resolve, reject }: Call, at: number): void => {
    try {
      const found = find.get(kind, id, at) as unknown as Columns | undefined;
      resolve(found && entryOf(kind, id, ...found));
    } catch (cause) {
      reject(unreadable(cause));
    }
  };

  const flush = (): void => {
    const group = calls;
    calls = [];
    const reason = refusal();
    if (reason !== undefined) {
      for (const { reject } of group) reject(new StoreUnavailable(reason));
      return;
    }
    try {
      if (group.length > 1) begin.run();
      const at = now();
      for (const call of group) answer(call, at);
      if (database.isTransaction) end.run();
    } catch (cause) {
      // Those that have their answer keep it.
      for (const { reject } of group) reject(unreadable(cause));
      giveUp();
    }
  };
  /** A transaction that could not be ended would make the next one fail. */
  const giveUp = (): void => {
    try {
      if (database.isOpen && database.isTransaction) database.exec("rollback");
    } catch {
      // The next look-up says what is wrong with this connection.
    }
  };

  return {
    flush,
    get: (kind, id) =>
      new Promise((resolve, reject) => {
        if (calls.push({ kind, id, resolve, reject }) === 1) setImmediate(flush);
      }),
  };
}

function unreadable(cause: unknown): StoreUnavailable {
  return new StoreUnavailable(`The database cannot be read: ${cause instanceof Error ? cause.message : cause}`, {
    cause,
  });
}
