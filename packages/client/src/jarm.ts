/**
 * Reads an authorization answer that is a signed JWT, and perhaps an encrypted one.
 *
 * JARM (JWT Secured Authorization Response Mode for OAuth 2.0) §2.1 to §2.4, RFC 9207 §2.4.
 * Guarantees that the parameters that leave this function were signed by this issuer, for this client, minutes ago: what else
 * stood in the URL is not looked at, and an answer without a signature is refused.
 */
import type { Form } from "@valetkey/protocol/form";
import {
  decryptJwt,
  type JweAlgorithm,
  type JweEncryption,
  type Jwk,
  type JwkSet,
  JwksUnavailable,
  type JwsAlgorithm,
  JwtError,
  type KeyResolver,
  verifyJwt,
} from "@valetkey/protocol/jose";
import type { ServerMetadata } from "@valetkey/protocol/metadata";
import { ClientError } from "./client-error.ts";

export interface JarmChecks {
  readonly metadata: Pick<ServerMetadata, "issuer" | "authorization_response_iss_parameter_supported">;
  readonly client_id: string;
  readonly keys: JwkSet | KeyResolver;
  /** `authorization_signed_response_alg` as registered. */
  readonly alg: JwsAlgorithm | readonly JwsAlgorithm[];
  /** Our private keys, if `authorization_encrypted_response_alg` is registered: then an answer in the clear is refused. */
  readonly decryption?: {
    readonly keys: readonly Jwk[];
    readonly algorithms?: readonly JweAlgorithm[];
    readonly encryptions?: readonly JweEncryption[];
  };
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Seconds, 0 to 60; default 8. */
  readonly clockTolerance?: number;
}

/** Claims about the JWT itself; the rest are the parameters. */
const aboutTheToken = ["iss", "aud", "exp", "iat", "nbf", "jti"];

/**
 * Verifies an answer and gives its parameters, to be checked by `checkCallback` as any others. A missing, unsigned, foreign or
 * expired one is `response_invalid`, another issuer's `issuer_mismatch`, keys that cannot be had are `issuer_unavailable`.
 *
 * @example const { code } = checkCallback(await readJarm(readAnswer(url), checks), { metadata, state });
 */
export async function readJarm(answer: Form, checks: JarmChecks): Promise<Form> {
  const { response } = answer;
  // No fallback to plain parameters: whoever can drop the signature could otherwise change the answer.
  if (response === undefined) throw new ClientError("response_invalid", "the answer has no signed response");
  const claims = await verified(response, checks);
  const form: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(claims)) {
    if (!aboutTheToken.includes(name) && (typeof value === "string" || typeof value === "number")) {
      form[name] = String(value);
    }
  }
  // The signature says who answers. Where iss is announced as a parameter (RFC 9207), the claim stands for it.
  const { issuer, authorization_response_iss_parameter_supported } = checks.metadata;
  if (authorization_response_iss_parameter_supported === true) form.iss = issuer;
  return form as Form;
}

async function verified(response: string, checks: JarmChecks): Promise<Readonly<Record<string, unknown>>> {
  const { metadata, client_id, keys, alg, decryption, now, clockTolerance } = checks;
  try {
    const token = decryption === undefined ? response : await decryptJwt(response, decryption);
    const { claims } = await verifyJwt(token, {
      keys,
      algorithms: typeof alg === "string" ? [alg] : alg,
      issuer: metadata.issuer,
      audience: client_id,
      now,
      requiredClaims: ["iss", "aud"],
      ...(clockTolerance === undefined ? {} : { clockTolerance }),
    });
    return claims;
  } catch (cause) {
    if (cause instanceof JwksUnavailable) throw new ClientError("issuer_unavailable", cause.message, { cause });
    if (!(cause instanceof JwtError)) throw cause;
    const code = cause.code === "issuer" ? "issuer_mismatch" : "response_invalid";
    throw new ClientError(code, `the signed answer is refused: ${cause.message}`, { cause });
  }
}
