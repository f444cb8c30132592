/**
 * Verifies an ID token by what is configured about its issuer: decrypts it first where that was agreed.
 *
 * OpenID Connect Core §3.1.3.7 (step 1: decryption), §10.2, §12.2.
 * Guarantees that a token in the clear is refused where encryption was agreed, and that at every turn the same checks are made.
 */
import type { IdTokenClaims } from "@valetkey/protocol/id-token";
import { decodeUnverified, decryptJwt, JwtError } from "@valetkey/protocol/jose";
import { ClientError } from "../client-error.ts";
import { checkIdToken } from "../id-token.ts";
import type { App } from "./app.ts";
import { fillTemplate, keysOf } from "./issuer-template.ts";
import type { OidcRemote } from "./remote.ts";

/** What this one token must fit. */
interface Expected {
  readonly nonce?: string;
  readonly access_token?: string;
  /** The code that was exchanged: a `c_hash`, if there is one, must fit it. */
  readonly code?: string;
  /** `required` where the token came along with the code, through the browser. */
  readonly c_hash?: "required" | "optional";
  readonly max_age?: number;
}

/** A verified ID token: what it says, and itself, decrypted. */
export interface ReadIdToken {
  readonly claims: IdTokenClaims;
  readonly id_token: string;
}

/** Decrypts and verifies. Errors as `checkIdToken`'s. */
export async function readIdToken(
  app: App,
  remote: OidcRemote,
  id_token: string | undefined,
  expected: Expected,
): Promise<ReadIdToken> {
  if (id_token === undefined) {
    throw new ClientError("id_token_missing", "the token answer has no id_token, expected one with the scope openid", {
      fix: "See that the client may have the scope openid there (some providers drop what is not allowed, and say so in scope of the token answer). A service that is plain OAuth 2 is named with oauth2() instead.",
    });
  }
  const token = await openIdToken(remote, id_token);
  const issuer = issuerOf(remote, token);
  const keys = await remote.issuerOf.keys();
  const { issuer_template } = remote;
  const claims = await checkIdToken(token, {
    issuer,
    client_id: remote.client.client_id,
    alg: remote.id_token_signed_response_alg,
    keys: issuer_template === undefined ? keys : keysOf(keys, issuer_template, issuer),
    now: app.now(),
    clockTolerance: app.clockTolerance,
    ...expected,
  });
  return { claims, id_token: token };
}

/** Decrypts a token where that was agreed, and gives the signed one in it. One that cannot be is `id_token_invalid`. */
export async function openIdToken(remote: OidcRemote, id_token: string): Promise<string> {
  const { id_token_encrypted_response_alg: alg, id_token_encrypted_response_enc: enc = "A128CBC-HS256" } = remote;
  if (alg === undefined) return id_token;
  return refusing(() =>
    decryptJwt(id_token, { keys: remote.decryption_keys ?? [], algorithms: [alg], encryptions: [enc] }),
  );
}

function issuerOf({ issuer, issuer_template }: OidcRemote, token: string): string {
  if (issuer_template === undefined) return issuer;
  try {
    return fillTemplate(issuer_template, decodeUnverified(token).claims);
  } catch (cause) {
    throw invalid(cause);
  }
}

async function refusing<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    throw invalid(cause);
  }
}

function invalid(cause: unknown): unknown {
  if (!(cause instanceof JwtError)) return cause;
  return new ClientError("id_token_invalid", `${cause.code}: ${cause.message}`, { cause });
}
