/**
 * Ways that OAuth 2.1 and RFC 9700 have given up, for services that offer nothing else. Imported by name, so that a search for
 * `unsafe` finds who uses them.
 *
 * RFC 6749 §4.2 (implicit) and §4.3 (password), RFC 9700 §2.1.2 and §2.4 (why not), OpenID Connect Core §3.2.
 * What can still be guaranteed: state and issuer of an implicit answer are checked, and an ID token must be bound to the
 * access token by `at_hash`.
 */

import { constantTimeEqual } from "@valetkey/protocol/digest";
import type { Form } from "@valetkey/protocol/form";
import type { IdTokenChecks, IdTokenClaims } from "@valetkey/protocol/id-token";
import type { ServerMetadata } from "@valetkey/protocol/metadata";
import { randomToken } from "@valetkey/protocol/random";
import { readAnswer } from "./callback.ts";
import { ClientError } from "./client-error.ts";
import { checkIdToken } from "./id-token.ts";
import { endpointOf } from "./lib/endpoint.ts";
import { refusal } from "./lib/refusal.ts";
import { type Parameters, type TokenRequestOptions, type Tokens, tokenRequest } from "./token-request.ts";

export interface PasswordGrant extends TokenRequestOptions {
  readonly username: string;
  readonly password: string;
  readonly scope?: string;
  readonly parameters?: Parameters;
}

/**
 * Gets tokens with a person's password. The application sees the password, second factors do not work, and people learn to type
 * it anywhere: RFC 9700 §2.4 says it must not be used.
 */
export async function unsafePasswordGrant(request: PasswordGrant): Promise<Tokens> {
  const { username, password, scope, parameters } = request;
  return tokenRequest({ ...parameters, grant_type: "password", username, password, scope }, request);
}

export interface ImplicitRequest {
  readonly metadata: ServerMetadata;
  readonly client_id: string;
  readonly redirect_uri: string;
  readonly response_type: "token" | "id_token" | "id_token token";
  readonly scope: string;
}

/**
 * Builds the URL of an implicit sign-in. The token comes back in the fragment: it stays in the browser's history, and nothing
 * tells whether it was made for this application unless there is an ID token.
 */
export function unsafeImplicitUrl(request: ImplicitRequest): { url: URL; state: string; nonce: string } {
  const { metadata, client_id, redirect_uri, response_type, scope } = request;
  const [state, nonce] = [randomToken(32), randomToken(32)];
  const url = new URL(endpointOf(metadata, "authorization_endpoint"));
  const parameters = { response_type, client_id, redirect_uri, scope, state };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  // OpenID Connect Core §3.2.2.1: required here.
  if (response_type !== "token") url.searchParams.set("nonce", nonce);
  return { url, state, nonce };
}

export interface ImplicitChecks extends Omit<IdTokenChecks, "issuer" | "access_token" | "code" | "nonce"> {
  readonly metadata: ServerMetadata;
  readonly response_type: ImplicitRequest["response_type"];
  readonly state: string;
  readonly nonce: string;
}

/** What an implicit answer held; `claims` are verified. Times in milliseconds since the epoch. */
export interface ImplicitAnswer {
  readonly access_token?: string;
  readonly expiresAt?: number;
  readonly claims?: IdTokenClaims;
}

/**
 * Reads the answer from the fragment of a URL. Wrong state, issuer or token are refused as in the code flow; an answer that is
 * less than what was asked for is `response_invalid`.
 */
export async function unsafeReadImplicit(answer: URL, checks: ImplicitChecks): Promise<ImplicitAnswer> {
  const { metadata, response_type, state, now } = checks;
  const form: Form = readAnswer(answer.hash.slice(1));
  if (form.state === undefined) throw new ClientError("state_missing", "the answer has no state");
  if (!constantTimeEqual(form.state, state)) throw new ClientError("state_mismatch", "the state is not the one sent");
  if (form.iss !== undefined && form.iss !== metadata.issuer) {
    throw new ClientError("issuer_mismatch", `the answer has another iss, expected ${metadata.issuer}`);
  }
  if (form.error !== undefined) {
    const code = form.error === "access_denied" ? "access_denied" : "authorization_refused";
    throw refusal(code, "authorization endpoint", form);
  }
  const { access_token, id_token, expires_in } = form;
  const wanted = response_type.split(" ");
  if (wanted.includes("token") && (access_token === undefined || form.token_type?.toLowerCase() !== "bearer")) {
    throw new ClientError("response_invalid", "the answer has no usable access token");
  }
  if (!wanted.includes("id_token")) return tokenOf(access_token, expires_in, now);
  const claims = await checkIdToken(id_token, {
    ...checks,
    issuer: metadata.issuer,
    ...(access_token === undefined ? {} : { access_token }),
  });
  // OpenID Connect Core §3.2.2.9: with an access token at_hash is required; verification above checked that it fits.
  if (access_token !== undefined && claims.at_hash === undefined) {
    throw new ClientError("id_token_invalid", "at_hash is missing although there is an access token");
  }
  return { ...tokenOf(access_token, expires_in, now), claims };
}

function tokenOf(access_token: string | undefined, expires_in: string | undefined, now: number): ImplicitAnswer {
  if (access_token === undefined) return {};
  const seconds = /^\d{1,9}$/.test(expires_in ?? "") ? Number(expires_in) : undefined;
  return { access_token, ...(seconds === undefined ? {} : { expiresAt: now + seconds * 1000 }) };
}
