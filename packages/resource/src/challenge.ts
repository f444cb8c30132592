/**
 * Says no in the words of the Bearer scheme.
 *
 * RFC 6750 §3 and §3.1, RFC 9110 §11.6.1, RFC 9728 §5.1 (`resource_metadata`).
 * Guarantees that whoever sent no token learns only how to get one, that values cannot break out of the header, and that
 * nothing of the token is in an answer.
 */
import { challenge } from "@valetkey/protocol/authorization-header";
import { OAuthError } from "@valetkey/protocol/errors";

/** No access token came with the request: not an error of the Bearer scheme, so the challenge names none (RFC 6750 §3.1). */
export class NoCredentials extends OAuthError {
  constructor() {
    super("invalid_token", "an access token is needed");
  }
}

/** The token is good but does not reach this far. */
export class InsufficientScope extends OAuthError {
  /** What would have been enough. */
  readonly scope: readonly string[];
  constructor(scope: readonly string[]) {
    super("insufficient_scope", "the access token does not have the scope that is needed here");
    this.scope = scope;
  }
}

export interface ChallengeOptions {
  readonly realm: string;
  /** URL of the RFC 9728 document, if there is one. */
  readonly resource_metadata?: string | undefined;
  /** In development: what the body says besides, e.g. which audience is expected. */
  readonly explain?: ((error: OAuthError) => string) | undefined;
}

/** Writes the answer to a request that was refused: 401, 403 or 400 with a challenge; outages (503) without one. */
export function challengeResponse(error: OAuthError, options: ChallengeOptions): Response {
  const headers = new Headers({ "Cache-Control": "no-store", ...error.headers });
  if (isAboutToken(error)) headers.set("WWW-Authenticate", challenge("Bearer", parametersOf(error, options)));
  const bare = error instanceof NoCredentials;
  const body = {
    ...(bare ? {} : { error: error.error, error_description: error.description }),
    ...(options.explain === undefined ? {} : { explanation: options.explain(error) }),
  };
  if (Object.keys(body).length === 0) return new Response(null, { status: error.status, headers });
  headers.set("Content-Type", "application/json");
  return new Response(JSON.stringify(body), { status: error.status, headers });
}

const isAboutToken = ({ error }: OAuthError): boolean =>
  error === "invalid_token" || error === "insufficient_scope" || error === "invalid_request";

// §3: the scheme must be followed by at least one parameter: the realm is always there.
function parametersOf(error: OAuthError, { realm, resource_metadata }: ChallengeOptions) {
  const common = { realm, resource_metadata };
  if (error instanceof NoCredentials) return common;
  const scope = error instanceof InsufficientScope ? error.scope.join(" ") : undefined;
  return { ...common, error: error.error, error_description: error.description, scope };
}
