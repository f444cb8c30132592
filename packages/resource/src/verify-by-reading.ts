/**
 * Checks an access token where it was issued: in the same process, without a request.
 *
 * RFC 6749 §7 leaves the way open in which a resource server and its authorization server agree.
 * Guarantees the same as the other two ways: an access token, for exactly this audience, live at this moment.
 */
import { invalidToken, temporarilyUnavailable } from "@valetkey/protocol/errors";
import { principalOf, type Token } from "./token.ts";

/** What a provider knows of a token of its own; `provider.tokens.read` gives it. */
export interface ReadToken {
  readonly kind: "access" | "refresh";
  readonly client_id: string;
  readonly subject?: string;
  readonly scope: readonly string[];
  readonly aud: readonly string[];
  /** Seconds since the epoch. */
  readonly exp: number;
}

/** Reads a token: nothing if it is not active, whatever the reason. */
export type ReadAccessToken = (token: string) => Promise<ReadToken | undefined>;

/** Checks the token. Not active, no access token or for others: `invalid_token`; a store that is down: `temporarily_unavailable`. */
export async function verifyByReading(
  token: string,
  expected: { readonly issuer: string; readonly audience: string; readonly read: ReadAccessToken },
): Promise<Token> {
  const { issuer: iss, audience, read } = expected;
  const found = await read(token).catch((cause: unknown) => {
    // The store's own error class is not imported here: this package does not depend on the store.
    if (!(cause instanceof Error && cause.name === "StoreUnavailable")) throw cause;
    const headers = { "Retry-After": "1" };
    throw temporarilyUnavailable("the access token cannot be checked at the moment", { cause, headers });
  });
  const refused = (why: string) => invalidToken("the access token is not valid", { cause: new Error(why) });
  if (found === undefined) throw refused("it is not active");
  // A refresh token is for the token endpoint alone.
  if (found.kind !== "access") throw refused("it is no access token");
  if (!found.aud.includes(audience)) throw refused("its audience is another");
  const { client_id, subject, scope, aud, exp } = found;
  const sub = subject === undefined ? {} : { sub: subject };
  const principal = principalOf(subject, client_id);
  return { iss, ...sub, client_id, scope, aud, exp, principal, claims: { ...found } };
}
