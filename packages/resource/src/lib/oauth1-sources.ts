/**
 * The three ways to check a signed request of OAuth 1.0a: by the provider in this process, by the provider elsewhere, by secrets that
 * are known here.
 *
 * RFC 5849 §3.2, RFC 7662 §2. Guarantees that a request counts once in each of them, and that an outage is no verdict.
 */
import { sha256Base64url } from "@valetkey/protocol/digest";
import { serverError } from "@valetkey/protocol/errors";
import { JwtError } from "@valetkey/protocol/jose";
import { checkClaims, type JwtClaims } from "@valetkey/protocol/jwt-claims";
import { forwardedType, writeForwarded } from "@valetkey/protocol/oauth1/forwarded-request";
import { OAuth1Problem, type Problem, problems } from "@valetkey/protocol/oauth1/problem";
import { type SignatureMethod, signatureMethods } from "@valetkey/protocol/oauth1/signature";
import {
  checkSignature,
  parameterAbsent,
  readSignedRequest,
  timestampWindow,
} from "@valetkey/protocol/oauth1/signed-request";
import type { Fetch } from "@valetkey/protocol/read-json";
import type { IntrospectionOptions } from "../introspection.ts";
import type { FirstTime } from "../nonces.ts";
import type { OAuth1Credentials, ReadSignedRequest } from "../oauth1.ts";
import { principalOf, type Token } from "../token.ts";
import type { ReadToken } from "../verify-by-reading.ts";
import { introspect } from "./introspect.ts";
import { createIssuer } from "./issuer.ts";
import { unavailable } from "./not-verified.ts";
import { readClaims, standardNames } from "./read-claims.ts";

/** Checks a request and gives its token, whose audience is looked at afterwards. Throws `OAuth1Problem` or `OAuthError`. */
export type Check = (request: Request) => Promise<Token>;

/** What all ways need to know. */
export interface Place {
  readonly issuer: string;
  readonly origin: string | undefined;
  readonly bodyHash: "required" | "checked";
  readonly now: () => number;
}

/** Asks the provider in this process. */
export function byReading(read: ReadSignedRequest, { issuer, origin, bodyHash }: Place): Check {
  const place = { ...(origin === undefined ? {} : { origin }), bodyHash };
  return async (request) => tokenOf(issuer, await read(request, place).catch(outage));
}

// The store's own error class is not imported here: this package does not depend on the store.
function outage(cause: unknown): never {
  if (!(cause instanceof Error && /^(StoreUnavailable|KeysUnreadable)$/.test(cause.name))) throw cause;
  throw unavailable("the request cannot be checked at the moment", cause, 1);
}

/** Asks the provider elsewhere: it gets what was signed, and never gives a secret away. */
export function byAsking(client: IntrospectionOptions, place: Place & { readonly fetch: Fetch }): Check {
  const { issuer, now, fetch } = place;
  const source = createIssuer(issuer, { fetch, now });
  const ports = {
    issuer,
    source,
    algorithms: ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"],
    fetch,
    now,
    clockTolerance: 30,
  } as const;
  return async (request) => {
    // What can be found wrong here need not be asked; the hash of a body is found here alone.
    await readSignedRequest(request, { ...place, signatureMethods, now: now() });
    const answer = await introspect(await writeForwarded(request, place.origin), client, ports);
    if (answer.active !== true) throw refusalOf(answer);
    if (answer.token_type !== forwardedType) throw unusable("it is about something else");
    const claims = { iss: issuer, ...answer } as JwtClaims;
    try {
      checkClaims(claims, { issuer, audience: undefined, now: now(), clockTolerance: 30, exp: "optional" });
      return readClaims(issuer, claims, standardNames(claims));
    } catch (cause) {
      throw cause instanceof JwtError ? unusable(cause.message) : cause;
    }
  };
}

function refusalOf({ oauth_problem, oauth_problem_advice }: Readonly<Record<string, unknown>>): OAuth1Problem {
  const known = typeof oauth_problem === "string" && Object.hasOwn(problems, oauth_problem);
  const advice = typeof oauth_problem_advice === "string" ? oauth_problem_advice : "the provider does not accept it";
  return new OAuth1Problem(known ? (oauth_problem as Problem) : "token_rejected", advice);
}

const unusable = (why: string) =>
  serverError("the request could not be checked", { cause: new Error(`the introspection answer: ${why}`) });

/** Checks with secrets that are known here. */
export function byLookup(
  credentials: (token: string, client_id: string) => Promise<OAuth1Credentials | undefined>,
  options: Place & { readonly signatureMethods: readonly SignatureMethod[]; readonly firstTime: FirstTime },
): Check {
  const { issuer, firstTime, now } = options;
  return async (request) => {
    const signed = await readSignedRequest(request, { ...options, now: now() });
    const { client_id, token, signature_method, timestamp, nonce = "" } = signed;
    if (token === undefined) throw parameterAbsent("oauth_token");
    const found = await credentials(token, client_id);
    if (found === undefined) throw new OAuth1Problem("token_rejected", "the oauth_token is unknown or has ended");
    const { keys, ...rest } = found;
    // A key is for the method it is given with, whatever the request would like.
    const own = keys.filter((key) => key.signature_method === signature_method);
    await checkSignature(signed, own);
    if (timestamp !== undefined) {
      const id = await sha256Base64url(JSON.stringify([client_id, token, timestamp, nonce]));
      if (!(await firstTime(id, (timestamp + timestampWindow + 1) * 1000)))
        throw new OAuth1Problem("nonce_used", "this oauth_nonce was used before with this oauth_timestamp");
    }
    return tokenOf(issuer, { kind: "access", client_id, ...rest });
  };
}

function tokenOf(issuer: string, found: ReadToken): Token {
  const { client_id, subject, scope, aud, exp, auth_time, acr } = found;
  return {
    iss: issuer,
    ...(subject === undefined ? {} : { sub: subject }),
    client_id,
    scope,
    aud,
    exp,
    ...(acr === undefined ? {} : { acr }),
    ...(auth_time === undefined ? {} : { auth_time }),
    principal: principalOf(subject, client_id),
    claims: { ...found },
  };
}
