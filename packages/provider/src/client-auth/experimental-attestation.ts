/**
 * EXPERIMENTAL: attestation-based client authentication (draft-ietf-oauth-attestation-based-client-auth, newest text read: -10).
 *
 * The maker of an app attests each installation; the installation proves its key with every request (§5.1, §7.1, §7.2). Guarantees that
 * an attestation is of use only to the holder of the key in it, that a proof counts once and for about a minute, here only, and that
 * what was given to one installation is not refreshed by another (§9.3). A draft: names and rules may change with any version.
 */
import { dpopNonce, isDpopNonce } from "@valetkey/protocol/dpop-nonce";
import { invalidClient, isOAuthError, useAttestationChallenge } from "@valetkey/protocol/errors";
import { decodeUnverified, JwtError, type KeyResolver, thumbprint, verifyJwt } from "@valetkey/protocol/jose";
import { checkPublicJwk, type Jwk, type JwkSet, type JwsAlgorithm } from "@valetkey/protocol/jwk";
import { audiencesOf, timeOf } from "@valetkey/protocol/jwt-claims";
import { clientKeyMembers, keysOfClient } from "../client-keys.ts";
import type { Client } from "../clients.ts";
import type { Op } from "../op.ts";
import { refuseReplay } from "./assertion.ts";
import type { ClientAuthMethod } from "./method.ts";
import { checkHasKeys } from "./private-key-jwt.ts";

const attestationHeader = "oauth-client-attestation";
const proofHeader = "oauth-client-attestation-pop";
const challengeHeader = "OAuth-Client-Attestation-Challenge";
const clockTolerance = 10;
/** Seconds after which a proof is too old. */
const proofLifetime = 60;

export interface AttestationOptions {
  /** Of attestations and of proofs. */
  readonly algorithms?: readonly JwsAlgorithm[];
  /** Whose attestations count for a client: the keys it registered (`jwks`, `jwks_uri`) unless given. */
  readonly attestersOf?: (client: Client) => JwkSet | KeyResolver | undefined;
  /** Proofs must carry a challenge this server gave out lately, so that none can be made ahead of time. */
  readonly challenges?: boolean;
}

/** `attest_jwt_client_auth`. */
export function experimentalAttestation(options: AttestationOptions = {}): ClientAuthMethod {
  const { algorithms = ["ES256", "EdDSA", "Ed25519", "PS256", "RS256"], attestersOf, challenges = false } = options;
  return {
    method: "attest_jwt_client_auth",
    ...(attestersOf === undefined ? { members: clientKeyMembers } : {}),
    metadata: () => ({
      client_attestation_signing_alg_values_supported: [...algorithms],
      client_attestation_pop_signing_alg_values_supported: [...algorithms],
    }),

    read({ headers }, form) {
      const attestation = headers.get(attestationHeader);
      if (attestation === null || !headers.has(proofHeader)) return undefined;
      const { sub } = decoded(attestation).claims;
      if (typeof sub !== "string" || sub === "") throw invalidClient("the client attestation has no sub");
      // §7.1: a client_id beside it names the same client.
      if (form.client_id !== undefined && form.client_id !== sub)
        throw invalidClient("client_id is not the client of the attestation");
      return { client_id: sub };
    },

    async verify(op, client, { headers }) {
      const keys = attestersOf === undefined ? keysOfClient(op, client) : attestersOf(client);
      if (keys === undefined) return false;
      const now = op.now();
      try {
        const key = await verifyAttestation(headers.get(attestationHeader) ?? "", keys, algorithms, now);
        const proof = await verifyProof(op, headers.get(proofHeader) ?? "", key, algorithms, now);
        if (challenges) await checkChallenge(op, proof.challenge, now);
        // §11.1: the jti is looked at whether or not there is a challenge.
        await refuseReplay(op, `attestation ${await thumbprint(key)}`, proof.jti, proof.expiresAt);
        return true;
      } catch (cause) {
        if (!(cause instanceof JwtError)) throw cause;
        throw invalidClient(`the client attestation is refused: ${cause.message}`, { cause });
      }
    },

    instanceOf: async ({ headers }) =>
      thumbprint(attestedKey(decoded(headers.get(attestationHeader) ?? "").claims.cnf)),

    ...(attestersOf === undefined ? { check: checkHasKeys } : {}),
  };
}

function decoded(jwt: string) {
  try {
    return decodeUnverified(jwt);
  } catch (cause) {
    if (!(cause instanceof JwtError)) throw cause;
    throw invalidClient("the client attestation is not one JWT", { cause });
  }
}

/** §7.1. Whose it is, is `sub`, by which the client was found. Gives the key of the installation. */
async function verifyAttestation(
  attestation: string,
  keys: JwkSet | KeyResolver,
  algorithms: readonly JwsAlgorithm[],
  now: number,
): Promise<Jwk> {
  const typ = "oauth-client-attestation+jwt";
  const checks = { issuer: undefined, audience: undefined, now, clockTolerance, requiredClaims: ["sub", "cnf"] };
  const { claims } = await verifyJwt(attestation, { keys, algorithms, typ, ...checks });
  return attestedKey(claims.cnf);
}

function attestedKey(cnf: unknown): Jwk {
  const jwk: unknown = typeof cnf === "object" && cnf !== null && "jwk" in cnf ? cnf.jwk : undefined;
  try {
    checkPublicJwk(jwk);
    return jwk;
  } catch (cause) {
    if (!isOAuthError(cause)) throw cause;
    throw new JwtError("claims", "cnf must hold a public key that can be used", { cause });
  }
}

/** §7.2. */
async function verifyProof(op: Op, proof: string, key: Jwk, algorithms: readonly JwsAlgorithm[], now: number) {
  // There is one key, whatever either side calls it.
  const { kid: _, ...only } = key;
  const { claims } = await verifyJwt(proof, {
    keys: async () => [{ ...only, ...kidIn(proof) }],
    algorithms,
    typ: "oauth-client-attestation-pop+jwt",
    issuer: undefined,
    audience: op.issuer,
    now,
    clockTolerance,
    exp: "optional",
    requiredClaims: ["aud", "jti", "iat"],
  });
  if (audiencesOf(claims).length !== 1) throw new JwtError("audience", "the proof must have one audience");
  const iat = timeOf(claims, "iat") ?? 0;
  if (iat + proofLifetime + clockTolerance < now / 1000) throw new JwtError("expired", "the proof is too old");
  const { jti = "", challenge } = claims;
  if (jti === "" || jti.length > 256) throw new JwtError("claims", "jti must have 1 to 256 characters");
  return { jti, challenge, expiresAt: (iat + proofLifetime + 2 * clockTolerance) * 1000 };
}

function kidIn(proof: string): { readonly kid?: string } {
  const { kid } = decodeUnverified(proof).header;
  return kid === undefined ? {} : { kid };
}

/** §6, §7.4: `use_attestation_challenge` brings the challenge to use. */
async function checkChallenge(op: Op, challenge: unknown, now: number): Promise<void> {
  const secretOf = (secret: string) => `attestation challenge ${secret}`;
  const known = await Promise.all(
    op.secrets.map((secret) => typeof challenge === "string" && isDpopNonce(secretOf(secret), challenge, now)),
  );
  if (known.includes(true)) return;
  const headers = { [challengeHeader]: await dpopNonce(secretOf(op.secrets[0]), now) };
  throw useAttestationChallenge("the proof must carry the challenge of this answer", { headers });
}
