/**
 * Builds the URL that signs a person out at the issuer too.
 *
 * OpenID Connect RP-Initiated Logout 1.0 §2 and §3.
 */
import type { ServerMetadata } from "@valetkey/protocol/metadata";

export interface EndSession {
  readonly metadata: ServerMetadata;
  readonly client_id: string;
  /** The ID token of the sign-in, expired or not: it tells the issuer whose session ends. */
  readonly id_token_hint?: string | undefined;
  /** Where the browser goes afterwards; must be registered with the issuer. */
  readonly post_logout_redirect_uri?: string;
  readonly state?: string;
}

/** Builds the URL; nothing if the issuer offers no logout. */
export function endSessionUrl(request: EndSession): URL | undefined {
  const { end_session_endpoint } = request.metadata;
  if (end_session_endpoint === undefined) return undefined;
  const url = new URL(end_session_endpoint);
  const { client_id, id_token_hint, post_logout_redirect_uri, state } = request;
  for (const [name, value] of Object.entries({ id_token_hint, client_id, post_logout_redirect_uri, state })) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  return url;
}
