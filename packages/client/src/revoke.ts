/**
 * Tells the issuer that a token is no longer needed.
 *
 * RFC 7009 §2.1 and §2.2.
 * Guarantees only that it was asked: an unknown token is a success by the specification.
 */
import { ClientError } from "./client-error.ts";
import { endpointOf } from "./lib/endpoint.ts";
import { postForm, type TokenRequestOptions } from "./token-request.ts";

export interface Revocation extends Omit<TokenRequestOptions, "now"> {
  readonly token: string;
  readonly token_type_hint?: "access_token" | "refresh_token";
  /** Milliseconds; default 10000. */
  readonly timeoutMs?: number;
}

/** Revokes a token; `false` if the issuer has no revocation endpoint. A refusal is `token_refused`. */
export async function revokeToken(revocation: Revocation): Promise<boolean> {
  const { token, token_type_hint, metadata, client } = revocation;
  if (metadata.revocation_endpoint === undefined) return false;
  const url = endpointOf(metadata, "revocation_endpoint", client);
  const { response } = await postForm(url, { token, token_type_hint }, revocation);
  if (response.status !== 200) {
    throw new ClientError("token_refused", `the revocation endpoint answered ${response.status}`);
  }
  return true;
}
