/**
 * Says no in the words of the scheme that was used, or that is wanted.
 *
 * RFC 6750 §3 and §3.1, RFC 9110 §11.6.1, RFC 9449 §7.1, §7.2 and §9, RFC 9470 §3, RFC 9728 §5.1 (`resource_metadata`).
 * Guarantees that whoever sent no token learns only how to get one, that values cannot break out of the header, and that
 * nothing of the token is in an answer.
 */
import { challenge } from "@valetkey/protocol/authorization-header";
import { OAuthError } from "@valetkey/protocol/errors";

/** No access token came with the request: not an error of the scheme, so the challenge names none (RFC 6750 §3.1). */
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

/** The token is good, but the person has to prove who they are in another way, or again (RFC 9470 §3). */
export class InsufficientAuthentication extends OAuthError {
  readonly acr_values: readonly string[] | undefined;
  /** Seconds. */
  readonly max_age: number | undefined;
  constructor(acr_values: readonly string[] | undefined, max_age: number | undefined) {
    super("insufficient_user_authentication", "a different or a more recent authentication is needed here");
    this.acr_values = acr_values;
    this.max_age = max_age;
  }
}

export type Scheme = "Bearer" | "DPoP";

export interface ChallengeOptions {
  readonly realm: string;
  /** URL of the RFC 9728 document, if there is one. */
  readonly resource_metadata?: string | undefined;
  /** The scopes to ask for, said to whoever came without a token, or with none that counts. */
  readonly scope?: readonly string[] | undefined;
  /** The scheme the request used, if it used one of ours. */
  readonly used?: Scheme | undefined;
  /** The schemes a token may be sent with here, the first one preferred. Default Bearer alone. */
  readonly schemes?: readonly Scheme[];
  /** Signature algorithms of proofs, for the DPoP challenge. */
  readonly dpopAlgorithms?: readonly string[];
  /** In development: what the body says besides, e.g. which audience is expected. */
  readonly explain?: ((error: OAuthError) => string) | undefined;
}

/** Writes the answer to a request that was refused: 401, 403 or 400 with a challenge; outages (503) and the like without one. */
export function challengeResponse(error: OAuthError, options: ChallengeOptions): Response {
  // RFC 9449 §5 has 400 for these, at the token endpoint; at an API they are 401 (§7.1, §9).
  const status = isAboutProof(error) ? 401 : error.status;
  const headers = new Headers({ "Cache-Control": "no-store", ...error.headers });
  if (isAboutToken(error)) {
    for (const value of challengesFor(error, options)) headers.append("WWW-Authenticate", value);
    // Without it a page of another origin sees the status and never learns why.
    headers.set("Access-Control-Expose-Headers", "WWW-Authenticate, DPoP-Nonce");
  }
  const bare = error instanceof NoCredentials;
  const body = {
    ...(bare ? {} : { error: error.error, error_description: error.description }),
    ...(options.explain === undefined ? {} : { explanation: options.explain(error) }),
  };
  if (Object.keys(body).length === 0) return new Response(null, { status, headers });
  headers.set("Content-Type", "application/json");
  return new Response(JSON.stringify(body), { status, headers });
}

const isAboutProof = ({ error }: OAuthError): boolean => error === "invalid_dpop_proof" || error === "use_dpop_nonce";

const isAboutToken = (error: OAuthError): boolean =>
  error.error === "invalid_token" ||
  error.error === "insufficient_scope" ||
  error.error === "insufficient_user_authentication" ||
  (error.error === "invalid_request" && error.status === 400) ||
  isAboutProof(error);

/** RFC 9449 §7.2: where both schemes are taken both are named, and the error stands with the one that was used. */
function challengesFor(error: OAuthError, options: ChallengeOptions): string[] {
  const { realm, resource_metadata, used, schemes = ["Bearer"], dpopAlgorithms = [] } = options;
  const offered = used === "DPoP" && !schemes.includes("DPoP") ? (["DPoP"] as const) : schemes;
  const about = used !== undefined && offered.includes(used) ? used : offered[0];
  return offered.map((scheme) =>
    challenge(scheme, {
      // §3: a scheme must be followed by at least one parameter: the realm is always there.
      realm,
      resource_metadata,
      ...(scheme === about ? parametersOf(error, options) : {}),
      ...(scheme === "DPoP" && dpopAlgorithms.length > 0 ? { algs: dpopAlgorithms.join(" ") } : {}),
    }),
  );
}

function parametersOf(
  error: OAuthError,
  { scope = [] }: ChallengeOptions,
): Readonly<Record<string, string | undefined>> {
  // RFC 6750 §3: said also to whoever has to get a new token.
  const needed = scope.length === 0 ? {} : { scope: scope.join(" ") };
  if (error instanceof NoCredentials) return needed;
  const common = { error: error.error, error_description: error.description };
  if (error.error === "invalid_token") return { ...common, ...needed };
  if (error instanceof InsufficientScope) return { ...common, scope: error.scope.join(" ") };
  if (!(error instanceof InsufficientAuthentication)) return common;
  const { acr_values, max_age } = error;
  return { ...common, acr_values: acr_values?.join(" "), max_age: max_age === undefined ? undefined : String(max_age) };
}
