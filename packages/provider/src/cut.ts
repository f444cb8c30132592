/**
 * Cuts what hangs on a session or on a person: grants (and so every code and token under them), sessions, consents.
 *
 * P11 of our policy; OpenID Connect Back-Channel Logout §2.7; RFC 7009 §2.1. Guarantees that what it was asked to remove is
 * gone when it returns, whoever changes the same entries meanwhile.
 */

import { type Entry, StoreUnavailable } from "@valetkey/store";
import { find, type GrantData, type Kinds, type Known, list, remove } from "./entries.ts";
import type { Op } from "./op.ts";

const batch = 100;
const tries = 10;

/** Lists all entries of a kind that belong to a person, and to a client if one is given. */
export async function listAll<K extends keyof Kinds>(
  op: Op,
  kind: K,
  filter: { subject: string; client?: string },
): Promise<Known<K>[]> {
  const all: Known<K>[] = [];
  for (let after: string | undefined; ; ) {
    const page = await list(op.store, kind, { ...filter, limit: 1000, ...(after === undefined ? {} : { after }) });
    all.push(...page);
    after = page.at(-1)?.id;
    if (page.length < 1000 || after === undefined) return all;
  }
}

/** Removes entries that were read, in their present version whatever it is. */
export async function removeAll(op: Op, entries: readonly Known<keyof Kinds>[]): Promise<void> {
  for (let at = 0; at < entries.length; at += batch) {
    const some = entries.slice(at, at + batch);
    if (await op.store.commit(some.map((entry) => remove(entry)))) continue;
    for (const entry of some) await removeOne(op, entry);
  }
}

async function removeOne(op: Op, { kind, id }: Known<keyof Kinds>): Promise<void> {
  for (let attempt = 0; attempt < tries; attempt++) {
    const entry: Entry | undefined = await op.store.get(kind, id);
    if (entry === undefined || (await op.store.commit([{ do: "remove", entry }]))) return;
  }
  throw new StoreUnavailable(`the ${kind} entry kept changing while it was to be removed`);
}

/**
 * Cuts what is bound to sessions of a person (P11): their grants, and with them codes and tokens. Grants with `offline_access`
 * stay, unless their code was never redeemed: then the code was all there was.
 */
export async function cutSessions(
  op: Op,
  subject: string,
  which: { readonly isEnded: (sid: string) => boolean; readonly offline?: "keep" | "cut" },
): Promise<void> {
  const isCut = ({ sid, offline, unredeemed }: GrantData) =>
    (offline && which.offline === "cut") || ((!offline || unredeemed === true) && which.isEnded(sid));
  await removeAll(
    op,
    (await listAll(op, "grant", { subject })).filter(({ data }) => isCut(data)),
  );
}

/** Removes a grant, and so every token under it. */
export async function cutGrant(op: Op, id: string): Promise<void> {
  const grant = await find(op.store, "grant", id);
  if (grant !== undefined) await removeAll(op, [grant]);
}
