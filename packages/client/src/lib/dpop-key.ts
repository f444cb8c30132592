/**
 * The key that the tokens of one account are bound to, from the moment somebody leaves to sign in until the session ends.
 *
 * RFC 9449 §5 (one key for a refresh token and what comes of it), §5.1 (algorithms), §10 (`dpop_jkt`), §11.4 (protection of keys).
 * It can be exported, unlike a key in a browser: whichever process has the session must be able to prove possession, also after
 * a restart. Guarantees that it leaves a process only sealed with the application's secret: in the cookie of the sign-in, then in
 * the vault beside the tokens. Whoever can open the one can open the other, so it adds nothing to lose.
 */
import { generateDpopJwk, readDpopJwk } from "@valetkey/protocol/dpop";
import type { Jwk } from "@valetkey/protocol/jose";
import type { ServerMetadata } from "@valetkey/protocol/metadata";
import { ClientError } from "../client-error.ts";
import { createDpop, type Dpop } from "../dpop-fetch.ts";
import type { Kept } from "./vault.ts";

/** In order of preference. No RSA: six of those keys, one for each sign-in under way, would not fit into a header of cookies. */
const algorithms = ["ES256", "Ed25519", "ES384", "ES512"] as const;

/** Makes a key of a kind the issuer takes; one that takes none of ours is `metadata_invalid`. */
export async function createAccountKey(metadata: ServerMetadata): Promise<Jwk> {
  const theirs: unknown = metadata.dpop_signing_alg_values_supported;
  const alg = Array.isArray(theirs) ? algorithms.find((one) => theirs.includes(one)) : algorithms[0];
  if (alg !== undefined) return generateDpopJwk(alg);
  throw new ClientError("metadata_invalid", `${metadata.issuer} takes no DPoP proofs with ${algorithms.join(", ")}`);
}

/** What is known of a provider here. */
interface Bound {
  readonly name: string;
  readonly dpop_bound_access_tokens?: boolean;
  /** The last nonce of each origin. */
  readonly nonces: Map<string, string>;
}

/** Takes a kept key into use; nothing without one. */
export async function dpopOf({ nonces }: Bound, jwk: Jwk | undefined): Promise<Dpop | undefined> {
  return jwk === undefined ? undefined : createDpop(await readDpopJwk(jwk), nonces);
}

/**
 * Takes the key of an account into use; nothing where tokens are not bound. Tokens from before binding was asked for are not
 * good enough any more: `sign_in_again`.
 */
export async function accountDpop(remote: Bound, kept: Kept): Promise<Dpop | undefined> {
  if (remote.dpop_bound_access_tokens === true && kept.dpop === undefined) {
    throw new ClientError(
      "sign_in_again",
      `the tokens of ${remote.name} are from before they had to be bound to a key`,
    );
  }
  return dpopOf(remote, kept.dpop);
}
