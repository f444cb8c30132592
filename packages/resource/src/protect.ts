/**
 * protectResource: lets requests through that carry a good access token with the scopes a route asks for.
 *
 * RFC 6750, RFC 9068 (`at+jwt`), RFC 7662 (opaque tokens), RFC 9728 §5.1.
 * Guarantees that a token counts only if this issuer made it for exactly this audience, and that whatever cannot be checked
 * is refused.
 */
import { readBearer } from "@valetkey/protocol/authorization-header";
import { invalidToken, OAuthError, serverError } from "@valetkey/protocol/errors";
import { decodeUnverified, type JwsAlgorithm } from "@valetkey/protocol/jose";
import { checkIssuer } from "@valetkey/protocol/metadata";
import type { Fetch } from "@valetkey/protocol/read-json";
import { challengeResponse, InsufficientScope, NoCredentials } from "./challenge.ts";
import { explanationOf, isLoopbackUrl } from "./lib/explain.ts";
import { createIssuer, type Issuer } from "./lib/issuer.ts";
import { alternativesOf, type Scopes, satisfies, type Token } from "./token.ts";
import { verifyByIntrospection } from "./verify-by-introspection.ts";
import { type ReadAccessToken, verifyByReading } from "./verify-by-reading.ts";
import { verifyJwtToken } from "./verify-jwt.ts";

export type { Scopes, Token } from "./token.ts";

export interface ResourceOptions {
  /** The authorization server, exactly as it calls itself. */
  readonly issuer: string;
  /** What this API is called in `aud`, usually its URL. Compared as text. */
  readonly audience: string;
  /** Credentials of this API at the issuer: with them opaque tokens are checked by introspection. */
  readonly introspection?: { readonly client_id: string; readonly client_secret: string };
  /** For an API in the process of its own provider: `provider.tokens.read`. Then no token is checked in another way. */
  readonly read?: ReadAccessToken;
  /** Signature algorithms accepted; default RS256, PS256, ES256, EdDSA, Ed25519. */
  readonly algorithms?: readonly JwsAlgorithm[];
  /** Seconds by which clocks may differ, 0 to 60; default 30. */
  readonly clockTolerance?: number;
  /** URL of the RFC 9728 document, named in challenges. */
  readonly resource_metadata?: string;
  /** Default: the audience. */
  readonly realm?: string;
  readonly fetch?: Fetch;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** `optional`: requests without a token pass; a bad token is refused all the same. */
export interface RequireOptions {
  readonly optional?: boolean;
}

/** Answers a request for which a token was found. */
export type Guarded<T> = (request: Request, token: T) => Response | Promise<Response>;
/** Puts the check before a handler. */
export type Guard<T> = (handler: Guarded<T>) => (request: Request) => Promise<Response>;

export interface RequireOAuth {
  (scopes?: Scopes, options?: { readonly optional?: false }): Guard<Token>;
  (options: RequireOptions & { readonly optional: true }): Guard<Token | undefined>;
  (scopes: Scopes, options: RequireOptions): Guard<Token | undefined>;
}

export interface ProtectedResource {
  /**
   * Guards a `Request → Response` handler. `"a b"` asks for both scopes, `["a b", "c"]` for either.
   *
   * @example const profile = requireOAuth("profile")((request, token) => Response.json({ sub: token.sub }));
   */
  readonly requireOAuth: RequireOAuth;
  /**
   * Checks the token of a request. Throws `OAuthError`: no token (`NoCredentials`), `invalid_request`, `invalid_token`,
   * `insufficient_scope`, `temporarily_unavailable`, `server_error`.
   */
  check(request: Request, scopes?: Scopes): Promise<Token>;
  /** Writes the answer to what `check` threw. */
  challengeFor(error: OAuthError): Response;
}

const defaultAlgorithms: readonly JwsAlgorithm[] = ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"];

/** Creates the protection of one API. A mistake in the options is a `TypeError` that says what to write instead. */
export function protectResource(options: ResourceOptions): ProtectedResource {
  const resource = readOptions(options);
  const check = (request: Request, scopes?: Scopes) => checkRequest(resource, request, alternatives(scopes));
  const challengeFor = (error: OAuthError) =>
    challengeResponse(error, {
      realm: options.realm ?? options.audience,
      resource_metadata: options.resource_metadata,
      explain: isLoopbackUrl(options.issuer) ? (e) => explanationOf(e, options) : undefined,
    });
  const requireOAuth = (first?: Scopes | RequireOptions, second?: RequireOptions): Guard<Token | undefined> => {
    const { scopes, optional } = readRequirement(first, second);
    return (handler) => async (request) => {
      let token: Token | undefined;
      try {
        token = await check(request, scopes);
      } catch (e) {
        if (!(e instanceof OAuthError)) throw e;
        if (!(optional && e instanceof NoCredentials)) return challengeFor(e);
      }
      return handler(request, token);
    };
  };
  return { requireOAuth: requireOAuth as RequireOAuth, check, challengeFor };
}

/** Reads the arguments of `requireOAuth`, also for the adapters. Mistakes in the scopes show when the route is made. */
export function readRequirement(
  first?: Scopes | RequireOptions,
  second?: RequireOptions,
): { readonly scopes: Scopes | undefined; readonly optional: boolean } {
  const isScopes = typeof first === "string" || Array.isArray(first);
  const scopes = isScopes ? (first as Scopes) : undefined;
  alternatives(scopes);
  const given = isScopes || first === undefined ? second : (first as RequireOptions);
  return { scopes, optional: given?.optional === true };
}

interface Resource extends Required<Pick<ResourceOptions, "issuer" | "audience" | "algorithms" | "clockTolerance">> {
  readonly introspection: ResourceOptions["introspection"];
  readonly read: ReadAccessToken | undefined;
  readonly source: Issuer;
  readonly fetch: Fetch;
  readonly now: () => number;
}

function readOptions(options: ResourceOptions): Resource {
  const { issuer, audience, introspection, read, algorithms = defaultAlgorithms, clockTolerance = 30 } = options;
  const { fetch = globalThis.fetch, now = Date.now } = options;
  checkIssuer(issuer, { allowLoopbackHttp: true });
  if (typeof audience !== "string" || audience === "") throw new TypeError("audience must name this API");
  if (algorithms.length === 0) throw new TypeError("algorithms must not be empty");
  if (!(clockTolerance >= 0 && clockTolerance <= 60)) throw new TypeError("clockTolerance must be 0 to 60 seconds");
  const source = createIssuer(issuer, { fetch, now });
  return { issuer, audience, introspection, read, algorithms, clockTolerance, source, fetch, now };
}

async function checkRequest(
  resource: Resource,
  request: Request,
  wanted: readonly (readonly string[])[],
): Promise<Token> {
  const bearer = readBearer(request);
  if (bearer === undefined) throw new NoCredentials();
  const token = await verify(resource, bearer);
  if (!satisfies(token, wanted)) throw new InsufficientScope(wanted[0] ?? []);
  return token;
}

// A signed token is judged by its signature and never handed to introspection: an ID token must not pass by another door.
async function verify(resource: Resource, token: string): Promise<Token> {
  const { introspection, read, source, now } = resource;
  if (read !== undefined) return verifyByReading(token, { ...resource, read });
  if (isJwt(token)) return verifyJwtToken(token, { ...resource, keys: source.keys, now: now() });
  if (introspection === undefined) {
    throw invalidToken("the access token is not valid", {
      cause: new Error("an opaque token came, and no introspection is configured"),
    });
  }
  const { introspection_endpoint } = await source.metadata();
  if (introspection_endpoint === undefined) {
    throw serverError("the access token could not be checked", {
      cause: new Error("the issuer has no introspection_endpoint"),
    });
  }
  return verifyByIntrospection(token, { ...resource, ...introspection, introspection_endpoint, now: now() });
}

function isJwt(token: string): boolean {
  try {
    decodeUnverified(token);
    return true;
  } catch {
    // Three parts that are no JWT we read (encrypted, `crit`): opaque to us, yet not for introspection.
    return token.split(".").length === 3;
  }
}

const alternatives = (scopes: Scopes | undefined) => (scopes === undefined ? [[]] : alternativesOf(scopes));
