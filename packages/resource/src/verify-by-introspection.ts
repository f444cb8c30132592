/**
 * Checks an opaque access token by asking its issuer.
 *
 * RFC 7662 §2 and §4.
 * Guarantees that a revoked token is refused at once: every request asks, nothing is cached. The answer must name our audience.
 */
import { basicHeader } from "@valetkey/protocol/authorization-header";
import { invalidToken, serverError, temporarilyUnavailable } from "@valetkey/protocol/errors";
import { encodeForm } from "@valetkey/protocol/form";
import { type Fetch, fetchJson, UnreadableResponse } from "@valetkey/protocol/read-json";
import { principalOf, type Token } from "./token.ts";

export interface IntrospectionExpectations {
  readonly introspection_endpoint: string;
  readonly client_id: string;
  readonly client_secret: string;
  readonly issuer: string;
  readonly audience: string;
  readonly fetch: Fetch;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Seconds, 0 to 60. */
  readonly clockTolerance: number;
}

/**
 * Asks about the token. Not active, for others or expired: `invalid_token`. The issuer does not answer:
 * `temporarily_unavailable`. It refuses to answer us: `server_error`, whose cause says so.
 */
export async function verifyByIntrospection(token: string, expected: IntrospectionExpectations): Promise<Token> {
  const answer = await introspect(token, expected);
  if (answer.active !== true) throw refused("it is not active");
  const { sub, client_id, scope = "", aud, iss = expected.issuer, exp, nbf, token_type = "Bearer", cnf } = answer;
  const audiences = [aud].flat();
  // §4: a token for others must not be accepted, and one that says nothing might be for anybody.
  if (!audiences.includes(expected.audience)) throw refused("its audience is another");
  if (iss !== expected.issuer) throw refused("its issuer is another");
  if (!audiences.every((one) => typeof one === "string")) throw refused("aud is not a list of strings");
  if (!isOptionalText(sub) || !isOptionalText(client_id) || typeof scope !== "string") {
    throw refused("sub, client_id and scope must be strings");
  }
  // RFC 6749 §7.1: a type that is not understood must not be used. A refresh token has no type at all or another.
  if (typeof token_type !== "string" || token_type.toLowerCase() !== "bearer") throw refused("it is no Bearer token");
  // RFC 7800 §3.1: bound to a key that is not checked here.
  if (cnf !== undefined) throw refused("it is bound to a key");
  const seconds = expected.now / 1000;
  if (exp !== undefined && !(typeof exp === "number" && exp + expected.clockTolerance > seconds)) {
    throw invalidToken("the access token has expired");
  }
  if (nbf !== undefined && !(typeof nbf === "number" && nbf - expected.clockTolerance <= seconds)) {
    throw refused("it does not count yet");
  }
  return {
    iss: expected.issuer,
    ...(sub === undefined ? {} : { sub }),
    ...(client_id === undefined ? {} : { client_id }),
    scope: scope.split(" ").filter((name) => name !== ""),
    aud: audiences as string[],
    ...(exp === undefined ? {} : { exp: Number(exp) }),
    principal: principalOf(sub, client_id),
    claims: answer,
  };
}

async function introspect(token: string, expected: IntrospectionExpectations): Promise<Record<string, unknown>> {
  const { introspection_endpoint, client_id, client_secret, fetch } = expected;
  const init = {
    method: "POST",
    headers: {
      Authorization: basicHeader(client_id, client_secret),
      "Content-Type": "application/x-www-form-urlencoded",
      Accept: "application/json",
    },
    body: encodeForm({ token, token_type_hint: "access_token" }),
  };
  let status: number;
  try {
    const { response, body } = await fetchJson(fetch, introspection_endpoint, init, { timeoutMs: 5_000 });
    if (response.status === 200) return body;
    status = response.status;
  } catch (cause) {
    // What answers 200 and cannot be read is no answer; what says no says it by its status.
    if (!(cause instanceof UnreadableResponse) || cause.status === 200) throw unavailable(cause);
    status = cause.status;
  }
  const cause = new Error(`the introspection endpoint answered ${status}`);
  if (status >= 500 || status === 429) throw unavailable(cause);
  throw serverError("the access token could not be checked", { cause });
}

const unavailable = (cause: unknown) =>
  temporarilyUnavailable("the issuer does not answer at the moment", { cause, headers: { "Retry-After": "5" } });

const refused = (why: string) => invalidToken("the access token is not valid", { cause: new Error(why) });

const isOptionalText = (value: unknown): value is string | undefined =>
  value === undefined || typeof value === "string";
