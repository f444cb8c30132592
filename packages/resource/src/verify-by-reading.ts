/**
 * Checks an access token where it was issued: in the same process, without a request.
 *
 * RFC 6749 §7 leaves the way open in which a resource server and its authorization server agree.
 * Guarantees the same as the other two ways: an access token, for exactly this audience, live at this moment.
 */
import { JwtError } from "@valetkey/protocol/jose";
import { fromStore } from "./lib/not-verified.ts";
import { readClaims } from "./lib/read-claims.ts";
import type { AuthorizationDetail, Confirmation, Token } from "./token.ts";

/** What a provider knows of a token of its own; `provider.tokens.read` gives it. */
export interface ReadToken {
  readonly kind: "access" | "refresh";
  readonly client_id: string;
  readonly subject?: string;
  readonly scope: readonly string[];
  readonly aud: readonly string[];
  /** Seconds since the epoch. */
  readonly exp: number;
  readonly auth_time?: number;
  readonly acr?: string;
  readonly cnf?: Confirmation;
  readonly authorization_details?: readonly AuthorizationDetail[];
}

/** Reads a token: nothing if it is not active, whatever the reason. */
export type ReadAccessToken = (token: string) => Promise<ReadToken | undefined>;

/** Checks the token. Not active, no access token or for others: `JwtError`; a store that is down: `temporarily_unavailable`. */
export async function verifyByReading(
  token: string,
  expected: { readonly issuer: string; readonly audience: string; readonly read: ReadAccessToken },
): Promise<Token> {
  const { issuer, audience, read } = expected;
  const found = await fromStore(read(token), "the access token cannot be checked at the moment");
  if (found === undefined) throw new JwtError("claims", "it is not active");
  // A refresh token is for the token endpoint alone.
  if (found.kind !== "access") throw new JwtError("claims", "it is no access token");
  if (!found.aud.includes(audience)) throw new JwtError("audience", "its audience is another");
  const { client_id, subject, scope } = found;
  const sub = subject === undefined ? {} : { sub: subject };
  return readClaims(issuer, { ...found, ...sub }, { client_id, scope });
}
