/**
 * Makes a user of claims.
 *
 * OpenID Connect Core §5.1 and §5.3.2.
 * Guarantees that userinfo adds to the ID token but never changes what the ID token says about itself.
 */
import type { IdTokenClaims } from "@valetkey/protocol/id-token";
import type { User } from "../auth.ts";

/** Claims that belong to the ID token alone. */
const protocolClaims: readonly string[] = ["iss", "sub", "aud", "exp", "iat", "auth_time", "acr", "amr", "azp", "sid"];
/** Claims that have done their work once the ID token is verified. */
const spentClaims: readonly string[] = ["nonce", "at_hash", "c_hash"];

/** Puts the claims of the ID token and of userinfo together. */
export function userOf(id: IdTokenClaims, userinfo: Readonly<Record<string, unknown>> = {}): User {
  const added = Object.entries(userinfo).filter(([name]) => !protocolClaims.includes(name));
  const claims = Object.fromEntries([...Object.entries(id), ...added].filter(([name]) => !spentClaims.includes(name)));
  return userFromClaims(id.sub, claims);
}

/** Reads the well-known claims by their types; others stay in `claims`. */
export function userFromClaims(sub: string, claims: Readonly<Record<string, unknown>>): User {
  const { name, email, email_verified } = claims;
  return {
    sub,
    ...(typeof name === "string" ? { name } : {}),
    ...(typeof email === "string" ? { email } : {}),
    // Only the boolean counts: a text "false" is true to a careless reader.
    ...(typeof email_verified === "boolean" ? { email_verified } : {}),
    claims,
  };
}
