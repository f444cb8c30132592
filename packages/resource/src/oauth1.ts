/**
 * protectOAuth1: lets requests through that are signed with a token of OAuth 1.0a and have the scopes a route asks for.
 *
 * RFC 5849 §3. An API in its provider's process asks the provider (`read: provider.tokens.readOAuth1`), one elsewhere asks it over
 * the network (`introspection`), so that secrets stay where they are; one that keeps them itself looks them up (`credentials`).
 * Guarantees that a request counts once, for this API only, and that its body is left for the handler.
 */
import { OAuthError } from "@valetkey/protocol/errors";
import { checkIssuer } from "@valetkey/protocol/metadata";
import { OAuth1Problem, problemResponse } from "@valetkey/protocol/oauth1/problem";
import type { SignatureKey, SignatureMethod } from "@valetkey/protocol/oauth1/signature";
import type { Fetch } from "@valetkey/protocol/read-json";
import { challengeResponse } from "./challenge.ts";
import type { IntrospectionOptions } from "./introspection.ts";
import { byAsking, byLookup, byReading, type Check } from "./lib/oauth1-sources.ts";
import { type FirstTime, memoryNonces } from "./nonces.ts";
import { alternativesOf, type Scopes, satisfies, type Token } from "./token.ts";
import type { ReadToken } from "./verify-by-reading.ts";

export type { Scopes, Token } from "./token.ts";

/** What `provider.tokens.readOAuth1` is. */
export type ReadSignedRequest = (
  request: Request,
  place: { readonly origin?: string; readonly bodyHash?: "required" | "checked" },
) => Promise<ReadToken>;

/** What is kept of a token, and the keys its requests may be signed with. */
export interface OAuth1Credentials extends Omit<ReadToken, "kind" | "client_id"> {
  /** By method: a method without a key is refused. */
  readonly keys: readonly SignatureKey[];
}

export interface OAuth1ResourceOptions {
  /** The authorization server, exactly as it calls itself. */
  readonly issuer: string;
  /** What this API is called among the resources of the provider, usually its URL. */
  readonly audience: string;
  /** For an API in the process of its own provider: `provider.tokens.readOAuth1`. */
  readonly read?: ReadSignedRequest;
  /** For an API elsewhere: its credentials at the issuer, which checks what was signed. Answers are not kept: each request is new. */
  readonly introspection?: IntrospectionOptions;
  /** For an API that keeps the secrets itself: finds those of a token of this client; nothing for one that is unknown or has ended. */
  readonly credentials?: (token: string, client_id: string) => Promise<OAuth1Credentials | undefined>;
  /** With `credentials`: methods accepted; HMAC-SHA256, HMAC-SHA1, RSA-SHA256 and RSA-SHA1 unless given. */
  readonly signatureMethods?: readonly SignatureMethod[];
  /** With `credentials`: where requests that were seen are remembered; in this process unless given. */
  readonly firstTime?: FirstTime;
  /** `required`: a body that is no form must be signed by its hash (`oauth_body_hash`). `checked` unless given. */
  readonly bodyHash?: "required" | "checked";
  /** Origin clients know this API by, where a proxy hides it. */
  readonly origin?: string;
  /** Default: the audience. */
  readonly realm?: string;
  readonly fetch?: Fetch;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

export interface OAuth1Resource {
  /**
   * Guards a `Request → Response` handler. `"a b"` asks for both scopes, `["a b", "c"]` for either.
   *
   * @example const timeline = requireOAuth1("statuses:read")((request, token) => Response.json({ sub: token.sub }));
   */
  requireOAuth1(
    scopes?: Scopes,
  ): (
    handler: (request: Request, token: Token) => Response | Promise<Response>,
  ) => (request: Request) => Promise<Response>;
  /** Checks a request. Throws `OAuth1Problem`, or `OAuthError` (`temporarily_unavailable`). */
  check(request: Request, scopes?: Scopes): Promise<Token>;
  /** Writes the answer to what `check` threw. */
  challengeFor(error: OAuth1Problem | OAuthError): Response;
}

const usualMethods: readonly SignatureMethod[] = ["HMAC-SHA256", "HMAC-SHA1", "RSA-SHA256", "RSA-SHA1"];

/** Creates the protection of one API. A mistake in the options is a `TypeError` that says what to write instead. */
export function protectOAuth1(options: OAuth1ResourceOptions): OAuth1Resource {
  const { issuer, audience, realm = audience } = options;
  checkIssuer(issuer, { allowLoopbackHttp: true });
  if (typeof audience !== "string" || audience === "") throw new TypeError("audience must name this API");
  const find = wayOf(options);

  const check = async (request: Request, scopes?: Scopes): Promise<Token> => {
    const wanted = scopes === undefined ? [[]] : alternativesOf(scopes);
    const token = await find(request);
    if (!token.aud.includes(audience)) throw new OAuth1Problem("token_rejected", "the token is not for this API");
    if (satisfies(token, wanted)) return token;
    throw new OAuth1Problem("permission_denied", `the token lacks the scope ${(wanted[0] ?? []).join(" ")}`);
  };
  const challengeFor = (error: OAuth1Problem | OAuthError) =>
    error instanceof OAuth1Problem ? problemResponse(error, { realm }) : challengeResponse(error, { realm });
  return {
    check,
    challengeFor,
    requireOAuth1: (scopes) => (handler) => async (request) => {
      let token: Token;
      try {
        token = await check(request, scopes);
      } catch (error) {
        if (error instanceof OAuth1Problem || error instanceof OAuthError) return challengeFor(error);
        throw error;
      }
      return handler(request, token);
    },
  };
}

function wayOf(options: OAuth1ResourceOptions): Check {
  const { issuer, read, introspection, credentials, origin, bodyHash = "checked", now = Date.now } = options;
  const { signatureMethods = usualMethods, firstTime = memoryNonces({ now }), fetch = globalThis.fetch } = options;
  const place = { issuer, origin, bodyHash, now };
  const ways: Check[] = [];
  if (read !== undefined) ways.push(byReading(read, place));
  if (introspection !== undefined) ways.push(byAsking(introspection, { ...place, fetch }));
  if (credentials !== undefined) ways.push(byLookup(credentials, { ...place, signatureMethods, firstTime }));
  const [way, second] = ways;
  if (way === undefined || second !== undefined) {
    throw new TypeError(
      "give one of read (provider.tokens.readOAuth1), introspection (credentials at the issuer) and credentials (a lookup of secrets)",
    );
  }
  return way;
}
