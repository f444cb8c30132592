/**
 * Signed access tokens that do not say that they are access tokens: Entra ID, Auth0, Okta, Keycloak and others from before RFC 9068.
 * Imported by name, so that a search for `unsafe` finds who accepts them.
 *
 * RFC 9068 §2.1 and §4 (what `typ` is for), RFC 8725 §3.11 and §3.12 (why).
 * What can still be guaranteed: issuer, audience, times and signature are checked as ever, and what carries the marks of an ID token
 * is refused. Nothing else tells the two apart, so never use a client's `client_id` as the audience of an API.
 */
import { JwtError } from "@valetkey/protocol/jose";
import { normalTyp } from "@valetkey/protocol/jwt-claims";
import { type Claims, namesOf } from "./lib/read-claims.ts";
import type { SignedTokens } from "./verify-jwt.ts";

export type { SignedTokens } from "./verify-jwt.ts";

/** Where a dialect says what RFC 9068 has in `client_id` and `scope`: the first claim that is there counts. */
export interface DialectOptions {
  /** Default `client_id`, `azp`, `appid` (Entra v1), `cid` (Okta). */
  readonly client_id?: readonly string[];
  /** Texts or lists of texts; default `scope`, `scp` (Entra, Okta). `permissions` (Auth0), `roles` (Entra) only if you say so. */
  readonly scope?: readonly string[];
}

/** Claims that only an ID token has (OpenID Connect Core §2, §3.1.3.6, §3.3.2.11). */
const marksOfIdTokens = ["nonce", "at_hash", "c_hash", "s_hash"];

/**
 * Accepts signed tokens with `typ` `JWT`, or without one, as access tokens; `at+jwt` too.
 *
 * @example protectResource({ issuer: "https://tenant.eu.auth0.com/", audience, signedTokens: unsafeUntypedTokens() });
 */
export function unsafeUntypedTokens(options: DialectOptions = {}): SignedTokens {
  const { client_id = ["client_id", "azp", "appid", "cid"], scope = ["scope", "scp"] } = options;
  return {
    typ: undefined,
    requiredClaims: ["iss", "aud", "sub", "iat"],
    check({ typ }, claims) {
      const type = normalTyp(typ);
      if (type !== undefined && type !== "jwt" && type !== "at+jwt") throw new JwtError("typ", "not an access token");
      const mark = marksOfIdTokens.find((name) => Object.hasOwn(claims, name));
      if (mark !== undefined) throw new JwtError("typ", `an ID token: it has ${mark}`);
      // Cognito's word for the kind of token, and Keycloak's.
      const { token_use, typ: kind } = claims;
      if ((token_use ?? "access") !== "access") throw new JwtError("typ", "token_use is not access");
      if (!["Bearer", "DPoP", undefined].includes(kind as string | undefined))
        throw new JwtError("typ", "the claim typ is not Bearer");
    },
    names(claims) {
      const client = clientOf(claims, client_id);
      const named = { client_id: client, scope: scopesOf(claims, scope) };
      return isOfClient(claims, client) ? { ...named, principal: "client" } : named;
    },
  };
}

/** How Entra ID and Auth0 mark tokens of clients that act for themselves: their `sub` looks like a person's. */
const isOfClient = ({ idtyp, gty, sub }: Claims, client: string | undefined): boolean =>
  idtyp === "app" || gty === "client-credentials" || sub === `${client}@clients`;

function clientOf(claims: Claims, names: readonly string[]): string | undefined {
  const value = claims[names.find((name) => claims[name] !== undefined) ?? ""];
  if (value === undefined || typeof value === "string") return value;
  throw new JwtError("claims", "the client must be a text");
}

function scopesOf(claims: Claims, names: readonly string[]): readonly string[] {
  const value = claims[names.find((name) => claims[name] !== undefined) ?? ""];
  if (value === undefined) return [];
  if (typeof value === "string") return namesOf(value);
  if (Array.isArray(value) && value.every((one): one is string => typeof one === "string")) return value;
  throw new JwtError("claims", "scopes must be a text or a list of texts");
}
