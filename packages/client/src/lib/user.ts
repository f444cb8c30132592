/**
 * Makes a user of claims, or of a profile.
 *
 * OpenID Connect Core §5.1, §5.3.2 and §5.7.
 * Guarantees that userinfo adds to the ID token but never changes what the ID token says about itself, and that no address counts
 * as verified because another one is.
 */
import type { IdTokenClaims } from "@valetkey/protocol/id-token";
import type { User } from "../auth.ts";
import type { Profile } from "../profile.ts";

/** Claims that belong to the ID token alone. */
const protocolClaims: readonly string[] = ["iss", "sub", "aud", "exp", "iat", "auth_time", "acr", "amr", "azp", "sid"];
/** Claims that have done their work once the ID token is verified. */
const spentClaims: readonly string[] = ["nonce", "at_hash", "c_hash"];

/** Addresses, and the claims that say whether they were verified (Core §5.1). */
const verdicts = [
  ["email", "email_verified"],
  ["phone_number", "phone_number_verified"],
] as const;

/**
 * Puts the claims of the ID token and of userinfo together. An address and the word on whether it was verified come from one of
 * the two (§5.7): the ID token's address stands, and userinfo may only add its word on the same one.
 */
export function userOf(id: IdTokenClaims, userinfo: Readonly<Record<string, unknown>> = {}): User {
  const notFromId: string[] = [...spentClaims];
  const notAdded: string[] = [...protocolClaims, ...spentClaims];
  for (const [address, verdict] of verdicts) {
    if (id[address] === undefined) notFromId.push(verdict);
    else if (userinfo[address] !== id[address]) notAdded.push(address, verdict);
  }
  const own = Object.entries(id).filter(([name]) => !notFromId.includes(name));
  const added = Object.entries(userinfo).filter(([name]) => !notAdded.includes(name));
  return userFromClaims(id.sub, Object.fromEntries([...own, ...added]));
}

/** Reads the well-known claims by their types; others stay in `claims`. */
export function userFromClaims(sub: string, claims: Readonly<Record<string, unknown>>): User {
  const { name, preferred_username, email, email_verified, picture } = claims;
  return { sub, ...known({ name, username: preferred_username, email, email_verified, picture }), claims };
}

/** Makes a user of a profile. */
export function userFromProfile({ id, claims, ...rest }: Profile): User {
  return { sub: id, ...known(rest), claims };
}

/** Sets what a profile says over a user; `sub` stays. A new address brings its own word on whether it is verified. */
export function userWith(user: User, profile: Partial<Omit<Profile, "id">>): User {
  const { email_verified, ...rest } = user;
  const verified = profile.email === undefined && email_verified !== undefined ? { email_verified } : {};
  return { ...rest, ...verified, ...known(profile), claims: profile.claims ?? user.claims };
}

function known(from: Readonly<Record<string, unknown>>): Omit<User, "sub" | "claims"> {
  const { name, username, email, email_verified, picture } = from;
  return {
    ...(typeof name === "string" ? { name } : {}),
    ...(typeof username === "string" ? { username } : {}),
    ...(typeof email === "string" ? { email } : {}),
    // Only the boolean counts: a text "false" is true to a careless reader.
    ...(typeof email_verified === "boolean" ? { email_verified } : {}),
    ...(typeof picture === "string" ? { picture } : {}),
  };
}
