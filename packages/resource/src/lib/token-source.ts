/**
 * Finds out whose token it is and has it checked the way that issuer's tokens are.
 *
 * RFC 9068 §4, RFC 7662 §4, RFC 8725 §3.8.
 * Guarantees that a token is sent to no issuer but its own: signed ones are judged here by keys of the issuer they name and never
 * sent anywhere, opaque ones go to the only issuer that is introspected, or to the one whose prefix they have.
 */
import { serverError } from "@valetkey/protocol/errors";
import { decodeUnverified, type JwsAlgorithm, JwtError } from "@valetkey/protocol/jose";
import type { Fetch } from "@valetkey/protocol/read-json";
import { type IntrospectionOptions, readCacheBounds } from "../introspection.ts";
import type { TrustedIssuer } from "../options.ts";
import type { Token } from "../token.ts";
import { verifyByIntrospection } from "../verify-by-introspection.ts";
import { type ReadAccessToken, verifyByReading } from "../verify-by-reading.ts";
import { accessTokens, type VerifiedJwt, verifyJwtToken } from "../verify-jwt.ts";
import { createBoundedCache } from "./bounded-cache.ts";
import { introspect } from "./introspect.ts";
import { withCache } from "./introspection-cache.ts";
import { createIssuer } from "./issuer.ts";
import { notVerified } from "./not-verified.ts";

export interface SourceOptions {
  readonly issuers: readonly (TrustedIssuer & { readonly algorithms: readonly JwsAlgorithm[] })[];
  readonly audience: string;
  readonly read: ReadAccessToken | undefined;
  readonly clockTolerance: number;
  readonly verifiedTokens: number;
  readonly fetch: Fetch;
  readonly now: () => number;
}

export interface TokenSource {
  /** Verifies a token. Throws `invalid_token`, `temporarily_unavailable`, `server_error`. */
  verify(token: string): Promise<Token>;
}

interface Known {
  readonly issuer: string;
  readonly prefix: string;
  verifySigned(token: string): Promise<Token>;
  /** Absent: its opaque tokens cannot be checked. */
  readonly verifyOpaque: ((token: string) => Promise<Token>) | undefined;
}

export function createTokenSource(options: SourceOptions): TokenSource {
  const { read, audience } = options;
  const known = options.issuers.map((one) => createKnown(one, options));
  const asked = known.filter(({ verifyOpaque }) => verifyOpaque !== undefined);
  const [first] = known;

  const check = (token: string): Promise<Token> => {
    if (read !== undefined && first !== undefined)
      return verifyByReading(token, { issuer: first.issuer, audience, read });
    if (isSigned(token)) return signerOf(known, token).verifySigned(token);
    const one = asked.find(({ prefix }) => token.startsWith(prefix));
    if (one?.verifyOpaque !== undefined) return one.verifyOpaque(token);
    throw new JwtError("malformed", whyNobody(asked.length));
  };
  return {
    async verify(token) {
      try {
        return await check(token);
      } catch (cause) {
        throw notVerified(cause);
      }
    },
  };
}

function createKnown(
  { issuer, introspection, prefix = "", algorithms, signedTokens = accessTokens }: SourceOptions["issuers"][number],
  { audience, clockTolerance, verifiedTokens, fetch, now }: SourceOptions,
): Known {
  const source = createIssuer(issuer, { fetch, now });
  const verified = verifiedTokens === 0 ? undefined : createBoundedCache<VerifiedJwt>(verifiedTokens);
  const common = { issuer, audience, clockTolerance };
  const signed = { ...common, algorithms, signedTokens, keys: source.keys, verified };
  const asking = (client: IntrospectionOptions) =>
    withCache(
      (token) => introspect(token, client, { issuer, source, algorithms, fetch, now, clockTolerance }),
      readCacheBounds(client),
      now,
    );
  const ask = introspection === undefined ? undefined : asking(introspection);
  return {
    issuer,
    prefix,
    verifySigned: (token) => verifyJwtToken(token, { ...signed, now: now() }),
    verifyOpaque: ask && ((token) => verifyByIntrospection(token, { ...common, ask, now: now() })),
  };
}

/**
 * Three parts are a JWT, even one that is not read here (`crit`): it is not for introspection, or an ID token would pass by another
 * door.
 */
const isSigned = (token: string): boolean => token.split(".", 4).length === 3;

// What the token says of its issuer only chooses among those that are trusted; its keys then decide whether it is true.
function signerOf(known: readonly Known[], token: string): Known {
  const [first] = known;
  if (first === undefined) throw serverError("the access token could not be checked");
  if (known.length === 1) return first;
  const { iss } = decodeUnverified(token).claims;
  const signer = known.find(({ issuer }) => issuer === iss);
  if (signer === undefined) throw new JwtError("issuer", "the issuer is none of the expected ones");
  return signer;
}

const whyNobody = (asked: number): string =>
  asked === 0
    ? "an opaque token came, and no introspection is configured"
    : "an opaque token came that has none of the prefixes";
