/**
 * Tokens bound to a key of the client by a proof in the `DPoP` header (RFC 9449).
 *
 * Guarantees that a proof counts once, for one method and one URL, for about a minute, and with `nonces` only if it was made
 * after this server said its nonce.
 */

import { readDpopHeader, verifyDpopProof } from "@valetkey/protocol/dpop";
import { dpopNonce, isDpopNonce } from "@valetkey/protocol/dpop-nonce";
import { invalidDpopProof, invalidToken, isOAuthError, OAuthError } from "@valetkey/protocol/errors";
import type { JwsAlgorithm } from "@valetkey/protocol/jwk";
import { boolean } from "../lib/client-members.ts";
import type { Op } from "../op.ts";
import { isFirst } from "../replay.ts";
import type { BindingMethod } from "../tokens/binding.ts";

/** Signature algorithms of proofs. */
const algorithms: readonly JwsAlgorithm[] = ["ES256", "PS256", "EdDSA", "Ed25519", "ES384", "RS256"];

/**
 * DPoP. `nonces`: proofs must carry a nonce this server gave out (§8), so that none can be made ahead of time; costs a client one
 * more request now and then. `algorithms` of proofs; ES256, PS256, EdDSA and their like unless given.
 */
export function dpop(
  options: { readonly nonces?: boolean; readonly algorithms?: readonly JwsAlgorithm[] } = {},
): BindingMethod {
  const { nonces = false } = options;
  const accepted = options.algorithms ?? algorithms;

  /** Verifies the proof of a request; throws 400 `invalid_dpop_proof` or `use_dpop_nonce`. */
  async function verify(op: Op, request: Request, proof: string, access_token?: string): Promise<string> {
    const now = op.now();
    try {
      const verified = await verifyDpopProof(proof, {
        htm: request.method,
        // The host a request names is whatever its sender wrote: ours is configuration.
        htu: new URL(new URL(request.url).pathname, op.issuer),
        access_token,
        now,
        algorithms: accepted,
        ...(nonces ? { checkNonce: (nonce: string) => isOurs(op, nonce, now) } : {}),
      });
      if (!(await isFirst(op, ["dpop", verified.jkt, verified.jti], verified.expiresAt)))
        throw invalidDpopProof("the proof was used before");
      return verified.jkt;
    } catch (error) {
      if (!isOAuthError(error, "use_dpop_nonce")) throw error;
      throw new OAuthError(error.error, error.description, { cause: error, headers: await nonceHeader(op, now) });
    }
  }

  return {
    binding: "dpop",
    wantedBy: ({ metadata }) => metadata.dpop_bound_access_tokens === true,
    members: { dpop_bound_access_tokens: boolean },
    metadata: () => ({ dpop_signing_alg_values_supported: [...accepted] }),

    async read(op, request) {
      const proof = readDpopHeader(request.headers);
      if (proof === undefined) return undefined;
      const jkt = await verify(op, request, proof);
      return { cnf: { jkt }, token_type: "DPoP", ...(nonces ? { headers: await nonceHeader(op, op.now()) } : {}) };
    },

    async checkPresented(op, request, { token }, cnf) {
      const proof = readDpopHeader(request.headers);
      if (proof === undefined) throw invalidDpopProof("a DPoP proof is missing");
      // §7.1: the key of the proof is the one the token is bound to.
      if ((await verify(op, request, proof, token)) !== cnf.jkt)
        throw invalidToken("the access token is bound to another key");
    },
  };
}

/** Every secret that makes or made nonces: one instance may already have the next one. */
async function isOurs(op: Op, nonce: string, now: number): Promise<boolean> {
  const checked = await Promise.all(op.secrets.map((secret) => isDpopNonce(secret, nonce, now)));
  return checked.includes(true);
}

async function nonceHeader(op: Op, now: number): Promise<Record<string, string>> {
  return { "DPoP-Nonce": await dpopNonce(op.secrets[0], now) };
}
