/**
 * The signing keys: made at first start, kept encrypted in the store, rotated before anybody has to think of it.
 *
 * RFC 7517, RFC 7518, RFC 8037, OpenID Connect Core §10.1.1. The private halves are encrypted with a key derived from
 * the server's secret. Guarantees that keys which cannot be read are an error and never a reason to make new ones, and
 * that processes which start at the same time end up with the same keys.
 */
import { type Bytes, hkdf } from "@valetkey/protocol/digest";
import { decryptText, encryptText, generateKey, type ImportedKey, importKey } from "@valetkey/protocol/jose";
import type { Jwk } from "@valetkey/protocol/jwk";
import { type Store, StoreUnavailable } from "@valetkey/store";
import { find, insert, type KeyData, type Known, replace } from "./entries.ts";
import { isDue, rotateKey, tidyKeys, withoutKey } from "./lib/keyring.ts";
import { silentLog } from "./log.ts";
import type { Keys, Log, SigningAlg } from "./op.ts";

/** Seconds for which others may cache our key set; a key is published for longer before it signs. */
export const jwksMaxAge = 300;

const reloadAfter = 10_000;
const reloadForUnknownAfter = 1_000;
const day = 86_400_000;

export interface KeysOptions {
  readonly store: Store;
  /** The server's secrets, at least 32 characters each: the first encrypts, all are tried when decrypting. */
  readonly secret: string | readonly string[];
  /** `["RS256", "ES256", "EdDSA"]` unless given. */
  readonly algs?: readonly SigningAlg[];
  /** Age in days at which `maintain` replaces a signing key; 90 unless given. */
  readonly rotateAfter?: number;
  /**
   * Seconds a key stays published after it stopped signing: at least the longest lifetime of a signed token; 86400
   * unless given.
   */
  readonly keepFor?: number;
  readonly now?: () => number;
  readonly log?: Log;
}

/** A key as operators see it. Times in milliseconds. */
export type ListedKey = Pick<KeyData, "kid" | "alg" | "state" | "publishedAt" | "activatedAt" | "dropAt">;

export interface ManagedKeys extends Keys {
  list(): Promise<ListedKey[]>;
  /**
   * Lets the next key sign now, for one algorithm or all. The former key stays published for as long as its signatures
   * may count.
   */
  rotate(alg?: SigningAlg): Promise<void>;
  /** Withdraws a key at once: what it signed no longer verifies. False: there is no such key. */
  retire(kid: string): Promise<boolean>;
  /** Rotates what is old enough, drops what is over, encrypts anew under the first secret. Call it from a timer. */
  maintain(): Promise<void>;
}

/**
 * The signing keys in the store cannot be decrypted. Nothing is signed and nothing is replaced until an operator has
 * looked.
 */
export class KeysUnreadable extends Error {
  override readonly name = "KeysUnreadable";
}

type Keyring = Known<"keyring">;

interface Loaded {
  readonly entry: Keyring;
  readonly readAt: number;
  /** Imported private keys by kid: importing costs more than signing. */
  readonly imported: ReadonlyMap<string, ImportedKey>;
}

/**
 * Creates the signing keys' port. Nothing is read or made before the first use; a wrong secret is `KeysUnreadable`
 * then.
 */
export function createKeys(options: KeysOptions): ManagedKeys {
  const { store, algs = ["RS256", "ES256", "EdDSA"], keepFor = 86_400, rotateAfter = 90 } = options;
  const { now = Date.now, log = silentLog } = options;
  const secrets = typeof options.secret === "string" ? [options.secret] : [...options.secret];
  if (secrets.length === 0 || secrets.some((secret) => secret.length < 32)) {
    throw new TypeError("the secret that encrypts the signing keys must have at least 32 characters");
  }
  if (algs.length === 0) throw new TypeError("algs must name at least one signature algorithm");
  let loaded: Loaded | undefined;
  let loading: Promise<Loaded> | undefined;
  let derived: Promise<readonly Bytes[]> | undefined;

  const encryptionKeys = () => {
    derived ??= Promise.all(secrets.map((secret) => hkdf(secret, "valetkey signing keys", 32)));
    return derived;
  };

  const newKey = async (alg: SigningAlg, state: "next" | "active"): Promise<KeyData> => {
    const { kid, publicJwk, privateJwk } = await generateKey(alg);
    const [secret] = await encryptionKeys();
    const at = now();
    return {
      kid,
      alg,
      state,
      publishedAt: at,
      ...(state === "active" ? { activatedAt: at } : {}),
      public: publicJwk,
      private: await encryptText(secret as Bytes, JSON.stringify(privateJwk)),
    };
  };

  const decrypt = async (key: KeyData, under: readonly Bytes[]): Promise<string | undefined> =>
    key.private === undefined ? undefined : await decryptText(under, key.private).catch(() => undefined);

  /**
   * Reads the keyring, making the keys that are missing. Processes that do so at once: one commits, the others read its
   * keys.
   */
  const fetchKeyring = async (): Promise<Keyring> => {
    for (let attempt = 0; attempt < 5; attempt++) {
      const entry = await find(store, "keyring", "main");
      const present = entry?.data.keys ?? [];
      const missing = algs.filter((alg) => !present.some((key) => key.alg === alg && key.state === "active"));
      if (entry !== undefined && missing.length === 0) return entry;
      // An existing keyring must be readable before anything is added to it.
      if (entry !== undefined) await importSigning(entry, new Map());
      const made = await Promise.all(missing.flatMap((alg) => [newKey(alg, "active"), newKey(alg, "next")]));
      const keys = [...present.filter((key) => key.state === "retiring" || !missing.includes(key.alg)), ...made];
      const done = await store.commit([
        entry === undefined ? insert("keyring", { id: "main", data: { keys } }) : replace(entry, { data: { keys } }),
      ]);
      if (done) log.info({ event: "keys.created", algs: missing }, "signing keys were created");
    }
    throw new StoreUnavailable("the signing keys could not be written");
  };

  const importSigning = async (entry: Keyring, known: ReadonlyMap<string, ImportedKey>) => {
    const imported = new Map<string, ImportedKey>();
    for (const key of entry.data.keys) {
      if (key.state === "retiring") continue;
      const before = known.get(key.kid);
      if (before !== undefined) {
        imported.set(key.kid, before);
        continue;
      }
      const text = await decrypt(key, await encryptionKeys());
      if (text === undefined) throw new KeysUnreadable("the keys in the store were encrypted with another secret");
      imported.set(key.kid, await importKey(JSON.parse(text) as Jwk));
    }
    return imported;
  };

  /** The keyring as it was read at most `maxAge` milliseconds ago. One read at a time, whoever asks. */
  const load = async (maxAge = reloadAfter): Promise<Loaded> => {
    // The clock may have been set back: an age below zero is no reason to trust what is there.
    const age = loaded === undefined ? Number.POSITIVE_INFINITY : now() - loaded.readAt;
    if (loaded !== undefined && age >= 0 && age < maxAge) return loaded;
    loading ??= (async () => {
      const entry = await fetchKeyring();
      loaded = { entry, readAt: now(), imported: await importSigning(entry, loaded?.imported ?? new Map()) };
      return loaded;
    })().finally(() => {
      loading = undefined;
    });
    return loading;
  };

  /** Changes the keyring, beginning anew when somebody else changed it in between. */
  const change = async (edit: (keys: readonly KeyData[]) => Promise<readonly KeyData[]>): Promise<void> => {
    for (let attempt = 0; attempt < 5; attempt++) {
      const { entry } = await load(0);
      const keys = await edit(entry.data.keys);
      if (keys === entry.data.keys) return;
      if (await store.commit([replace(entry, { data: { keys } })])) {
        // A read that is under way may have begun before the commit.
        await loading?.catch(() => {});
        await load(0);
        return;
      }
    }
    throw new StoreUnavailable("the signing keys are being changed by somebody else");
  };

  const rotateAll = async (keys: readonly KeyData[], due: readonly SigningAlg[]): Promise<readonly KeyData[]> => {
    let turned = keys;
    for (const alg of due) {
      turned = rotateKey(turned, await newKey(alg, "next"), now(), now() + keepFor * 1000);
      const kid = turned.find((key) => key.alg === alg && key.state === "active")?.kid;
      log.info({ event: "keys.rotated", alg, kid }, "a new signing key is in use");
    }
    return turned;
  };

  return {
    algs,
    keepFor,

    async signing(alg) {
      const { entry, imported } = await load();
      const kid = entry.data.keys.find((key) => key.alg === alg && key.state === "active")?.kid;
      const key = kid === undefined ? undefined : imported.get(kid);
      if (kid === undefined || key === undefined) throw new KeysUnreadable(`there is no signing key for ${alg}`);
      return { kid, alg, key };
    },

    async published(kid) {
      const knows = ({ entry }: Loaded) => kid === undefined || entry.data.keys.some((key) => key.kid === kid);
      let current = await load();
      // Another process may have rotated a moment ago. Bounded, or made-up kids would become reads of the store.
      if (!knows(current)) current = await load(reloadForUnknownAfter);
      const at = now();
      const live = current.entry.data.keys.filter((key) => key.state !== "retiring" || (key.dropAt ?? 0) > at);
      return { keys: live.map((key) => key.public) };
    },

    async list() {
      const { entry } = await load(0);
      return entry.data.keys.map(({ public: _, private: __, ...listed }) => listed);
    },

    async rotate(alg) {
      if (alg !== undefined && !algs.includes(alg)) throw new TypeError(`there are no keys for ${alg}`);
      await change((keys) => rotateAll(keys, alg === undefined ? algs : [alg]));
    },

    async retire(kid) {
      let found = false;
      await change(async (keys) => {
        const key = keys.find((one) => one.kid === kid);
        found = key !== undefined;
        return key === undefined ? keys : withoutKey(keys, kid, await newKey(key.alg, "next"), now());
      });
      if (found) log.warn({ event: "keys.retired", kid }, "a signing key was withdrawn");
      return found;
    },

    async maintain() {
      await change(async (keys) => {
        const tidied = tidyKeys(keys, algs, now(), now() + keepFor * 1000);
        const lag = jwksMaxAge * 1000 + reloadAfter;
        const due = algs.filter((alg) => isDue(tidied, alg, now(), rotateAfter * day, lag));
        const turned = await underFirstSecret(await rotateAll(tidied, due));
        return turned.length === keys.length && turned.every((key, at) => key === keys[at]) ? keys : turned;
      });
    },
  };

  /** Encrypts anew what a former secret encrypted, so that the former one can be taken out of the configuration. */
  async function underFirstSecret(keys: readonly KeyData[]): Promise<readonly KeyData[]> {
    const all = await encryptionKeys();
    const first = all[0] as Bytes;
    return Promise.all(
      keys.map(async (key) => {
        if (key.private === undefined || (await decrypt(key, [first])) !== undefined) return key;
        const text = await decrypt(key, all);
        return text === undefined ? key : { ...key, private: await encryptText(first, text) };
      }),
    );
  }
}
