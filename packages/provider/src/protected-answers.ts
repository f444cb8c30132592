/**
 * Answers as signed or encrypted JWTs, for clients that registered so: ID tokens, userinfo, introspection.
 *
 * OpenID Connect Core §2, §5.3.2, §16.14; OpenID Connect Registration §2; RFC 9701 §5. Guarantees that what a client wants encrypted
 * is never sent in the clear, and that what is encrypted was signed before (RFC 8725 §2.3).
 */
import { invalidClientMetadata } from "@valetkey/protocol/errors";
import { encryptJwt, signJwt } from "@valetkey/protocol/jose";
import { type JweAlgorithm, type JweEncryption, jweAlgorithms, jweEncryptions } from "@valetkey/protocol/jwk";
import type { ClientMetadata, ServerMetadata } from "@valetkey/protocol/metadata";
import { StoreUnavailable } from "@valetkey/store";
import { clientKeyMembers, encryptionKeyOf } from "./client-keys.ts";
import type { Client } from "./clients.ts";
import { oneOf } from "./lib/client-members.ts";
import { type Op, type SigningAlg, signingAlgs } from "./op.ts";
import type { Part } from "./part.ts";

/** What can be protected; the first part of the names in client metadata, e.g. `userinfo_signed_response_alg`. */
export type AnswerKind = "id_token" | "userinfo" | "introspection" | "authorization";

export interface ProtectedAnswer extends Part {
  readonly answer: AnswerKind;
  readonly form: "signed" | "encrypted";
}

/** Userinfo as a JWT, for clients with `userinfo_signed_response_alg` (Core §5.3.2). */
export const signedUserinfo = signed("userinfo", "userinfo_signing_alg_values_supported");

/** Introspection as a JWT, for whoever asks with `Accept: application/token-introspection+jwt` (RFC 9701). */
export const signedIntrospection = signed("introspection", "introspection_signing_alg_values_supported");

/** Encrypted ID tokens, for clients with `id_token_encrypted_response_alg`. */
export const encryptedIdTokens = encrypted("id_token", "id_token_encryption");

/** Encrypted userinfo, for clients with `userinfo_encrypted_response_alg`. */
export const encryptedUserinfo = encrypted("userinfo", "userinfo_encryption");

/** Encrypted introspection (RFC 9701 §6). */
export const encryptedIntrospection = encrypted("introspection", "introspection_encryption");

function signed(answer: AnswerKind, announcedAs: string): ProtectedAnswer {
  return {
    answer,
    form: "signed",
    // Which of them it is, is for the keys to say.
    members: { [`${answer}_signed_response_alg`]: oneOf(...signingAlgs) },
    metadata: (op): Partial<ServerMetadata> => ({ [announcedAs]: [...op.keys.algs] }),
  };
}

function encrypted(answer: AnswerKind, announcedAs: string): ProtectedAnswer {
  return {
    answer,
    form: "encrypted",
    members: {
      ...clientKeyMembers,
      [`${answer}_encrypted_response_alg`]: oneOf(...jweAlgorithms),
      [`${answer}_encrypted_response_enc`]: oneOf(...jweEncryptions),
    },
    metadata: (): Partial<ServerMetadata> => ({
      [`${announcedAs}_alg_values_supported`]: [...jweAlgorithms],
      [`${announcedAs}_enc_values_supported`]: [...jweEncryptions],
    }),
  };
}

/** The algorithm a client registered for an answer, if there is a key for it; RS256 if it registered none (Registration §2). */
export function answerAlg(op: Pick<Op, "keys">, { metadata }: Client, answer: AnswerKind): SigningAlg {
  const { algs } = op.keys;
  const registered = algs.find((alg) => alg === metadata[`${answer}_signed_response_alg`]);
  return registered ?? (algs.includes("RS256") ? "RS256" : (algs[0] ?? "RS256"));
}

/** Signs an answer for a client, and encrypts it if the client wants that of this kind. */
export async function protect(
  op: Op,
  client: Client,
  answer: AnswerKind,
  claims: Readonly<Record<string, unknown>>,
  typ?: string,
): Promise<string> {
  const alg = answerAlg(op, client, answer);
  const { kid, key } = await op.keys.signing(alg);
  const jwt = await signJwt(claims, { key, alg, kid, ...(typ === undefined ? {} : { typ }) });
  return encryptFor(op, client, answer, jwt);
}

/** Encrypts a signed answer if the client registered for it. A client whose key cannot be had gets nothing at all. */
async function encryptFor(op: Op, client: Client, answer: AnswerKind, jwt: string): Promise<string> {
  const alg = client.metadata[`${answer}_encrypted_response_alg`] as JweAlgorithm | undefined;
  if (alg === undefined) return jwt;
  const key = await encryptionKeyOf(op, client, alg);
  if (key === undefined)
    throw new StoreUnavailable(`the client ${client.client_id} has no key to encrypt for with ${alg}`);
  // Registration §2: A128CBC-HS256 unless registered.
  const enc = (client.metadata[`${answer}_encrypted_response_enc`] ?? "A128CBC-HS256") as JweEncryption;
  return encryptJwt(jwt, { key, alg, enc });
}

/** Checks that the members about protection fit each other. Throws `invalid_client_metadata`. */
export function checkProtection(metadata: ClientMetadata): void {
  for (const answer of ["id_token", "userinfo", "introspection", "authorization"] as const) {
    const alg = metadata[`${answer}_encrypted_response_alg`];
    if (metadata[`${answer}_encrypted_response_enc`] !== undefined && alg === undefined)
      throw invalidClientMetadata(`${answer}_encrypted_response_enc needs ${answer}_encrypted_response_alg`);
    if (alg !== undefined && metadata.jwks === undefined && metadata.jwks_uri === undefined)
      throw invalidClientMetadata(`${answer}_encrypted_response_alg needs jwks or jwks_uri to encrypt for`);
  }
}
