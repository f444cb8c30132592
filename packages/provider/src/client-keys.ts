/**
 * The public keys of a client, by value (`jwks`) or by reference (`jwks_uri`), for whatever it signs and what is encrypted
 * for it.
 *
 * RFC 7591 §2, OpenID Connect Registration §2, OpenID Connect Core §10. Guarantees that keys are fetched through the provider's
 * own `fetch`, seldom, and that no number of clients makes this process keep more than a bounded number of key sets.
 */
import { invalidClientMetadata } from "@valetkey/protocol/errors";
import { checkJwks, type JweAlgorithm, type Jwk, type JwkSet } from "@valetkey/protocol/jwk";
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import type { Fetch } from "@valetkey/protocol/read-json";
import { createRemoteJwks, type KeyResolver } from "@valetkey/protocol/remote-jwks";
import type { Client } from "./clients.ts";
import type { MemberCheck } from "./lib/client-members.ts";
import type { Op } from "./op.ts";

const most = 1000;

/** Finds the resolver of a `jwks_uri`; the least recently used one makes room. */
export type RemoteKeys = (jwks_uri: string) => KeyResolver;

/** Creates the one place of a provider where fetched key sets are kept. */
export function createRemoteKeys({ fetch, now }: { readonly fetch: Fetch; readonly now: () => number }): RemoteKeys {
  const known = new Map<string, KeyResolver>();
  return (jwks_uri) => {
    const keys = known.get(jwks_uri) ?? createRemoteJwks({ jwks_uri, fetch, now });
    known.delete(jwks_uri);
    known.set(jwks_uri, keys);
    for (const oldest of known.size > most ? [...known.keys()].slice(0, known.size - most) : []) known.delete(oldest);
    return keys;
  };
}

/** The keys of a client for verifying; nothing if it registered none. */
export function keysOfClient(op: Pick<Op, "remoteKeys">, { metadata }: Client): JwkSet | KeyResolver | undefined {
  if (metadata.jwks !== undefined) return metadata.jwks;
  return metadata.jwks_uri === undefined ? undefined : op.remoteKeys(metadata.jwks_uri);
}

/** The key to encrypt for a client with; nothing if it has none for the algorithm. `JwksUnavailable` goes through. */
export async function encryptionKeyOf(
  op: Pick<Op, "remoteKeys">,
  client: Client,
  alg: JweAlgorithm,
): Promise<Jwk | undefined> {
  const keys = keysOfClient(op, client);
  const all = typeof keys === "function" ? await keys({ alg }) : (keys?.keys ?? []);
  const kty = alg.startsWith("RSA") ? ["RSA"] : ["EC", "OKP"];
  const fits = all.filter(
    (key) =>
      kty.includes(key.kty) && key.use !== "sig" && (key.alg === undefined || key.alg === alg) && key.crv !== "Ed25519",
  );
  return fits.find(({ use }) => use === "enc") ?? fits[0];
}

/** Client metadata members for parts that use a client's keys. */
export const clientKeyMembers: Readonly<Record<string, MemberCheck>> = {
  jwks: (value) => {
    checkJwks(value);
    return true;
  },
  jwks_uri: (value) => {
    if (
      typeof value !== "string" ||
      value.length > 2048 ||
      !URL.canParse(value) ||
      !/^https?:$/.test(new URL(value).protocol)
    )
      throw invalidClientMetadata("jwks_uri must be an https URL");
    return true;
  },
};

/** RFC 7591 §2: a client names its keys in one way. */
export function checkOneKeySource({ jwks, jwks_uri }: ClientMetadata): void {
  if (jwks !== undefined && jwks_uri !== undefined)
    throw invalidClientMetadata("jwks and jwks_uri must not both be present");
}
