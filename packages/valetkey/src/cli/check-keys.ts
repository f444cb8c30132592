/**
 * Looks at tables and signing keys without changing them: of a version we know, and readable with the secret we have.
 *
 * The one property: it only reads. Tables, keys and the secret that are not there yet are left to the first start.
 */

import { createKeys } from "@valetkey/provider/keys";
import { type Entry, type Json, NewerSchema, type Store } from "@valetkey/store";
import { signingKeys } from "../config-checks.ts";
import { readSecret, secretPath } from "../secret-file.ts";
import type { Settings } from "../settings.ts";
import type { Check } from "./doctor.ts";
import { hasStore, looking, type Query } from "./look-at-database.ts";

/** What was found. `kids`: the keys a server on this database publishes; absent where they cannot be read. */
export interface KeysLook {
  readonly check: Check;
  readonly kids?: readonly string[];
}

/** Checks the tables and the keys in a database that can be reached. */
export async function checkKeys(settings: Settings): Promise<KeysLook> {
  const { database } = settings;
  try {
    const keyring = await looking(database, readKeyring);
    if (keyring === undefined)
      return { check: { name: "keys", status: "note", detail: "none yet; the first start makes them" }, kids: [] };
    const secret = settings.secret ?? (await readSecret(database));
    if (secret === undefined)
      return problem(`${secretPath(database)} is not there, and the keys cannot be read without it`);
    const { keys } = await createKeys({ ...signingKeys(settings), store: holding(keyring), secret }).published();
    const kids = keys.flatMap(({ kid }) => (kid === undefined ? [] : [kid]));
    return { check: { name: "keys", status: "ok", detail: `${keys.length} published` }, kids };
  } catch (error) {
    if (error instanceof KeysIncomplete)
      return { check: { name: "keys", status: "note", detail: "some are missing; the next start makes them" } };
    const detail = error instanceof Error ? error.message : String(error);
    if (!(error instanceof NewerSchema)) return problem(detail);
    return {
      check: { name: "database", status: "problem", detail, fix: "start the newer version, or restore a backup" },
    };
  }
}

async function readKeyring(query: Query, tables: ReadonlySet<unknown>): Promise<Entry | undefined> {
  if (!(await hasStore(query, tables))) return undefined;
  const [row] = await query("select version, data from entry where kind = 'keyring' and id = 'main'");
  if (row === undefined) return undefined;
  return { kind: "keyring", id: "main", version: Number(row.version), data: JSON.parse(String(row.data)) as Json };
}

class KeysIncomplete extends Error {}

/** A store with one entry that takes nothing: keys that would be made are only said to be missing. */
function holding(entry: Entry): Store {
  return {
    get: async (kind, id) => (kind === entry.kind && id === entry.id ? entry : undefined),
    list: async () => [],
    commit: async () => {
      throw new KeysIncomplete();
    },
    sweep: async () => 0,
  };
}

function problem(detail: string): KeysLook {
  const fix = "set VALETKEY_SECRET to the secret this database was made with";
  return { check: { name: "keys", status: "problem", detail, fix } };
}
