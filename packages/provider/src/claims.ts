/**
 * Claims about a person: which scope releases which (OpenID Connect Core §5.1, §5.4), and which nobody but the protocol
 * sets.
 *
 * RFC 7519 §4.1, RFC 9068 §2.2, OpenID Connect Core §2. Guarantees that an account can neither replace a claim the
 * protocol sets nor answer for another subject than the one that was asked for.
 */
import type { Account, Op } from "./op.ts";

/** Claims and members of answers that only the protocol sets; an account's claim of the same name is ignored. */
export const reservedClaims: ReadonlySet<string> = new Set([
  "iss",
  "sub",
  "aud",
  "exp",
  "nbf",
  "iat",
  "jti",
  "nonce",
  "at_hash",
  "c_hash",
  "s_hash",
  "acr",
  "amr",
  "azp",
  "auth_time",
  "sid",
  "scope",
  "client_id",
  "cnf",
  "act",
  "may_act",
  "active",
  "token_type",
  "events",
]);

/** Scope → claims, as OpenID Connect Core §5.4 defines them. */
export const standardClaims: Readonly<Record<string, readonly string[]>> = {
  profile: [
    "name",
    "family_name",
    "given_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "updated_at",
  ],
  email: ["email", "email_verified"],
  address: ["address"],
  phone: ["phone_number", "phone_number_verified"],
};

/**
 * `sub` of a token that is a client's own. No person's subject may begin like it, so the two can never be taken for one
 * another.
 */
export const clientSubject = (client_id: string): string => `client:${client_id}`;

/** Tells whether a `sub` is a client's own. */
export const isClientSubject = (subject: string): boolean => subject.startsWith("client:");

/**
 * Finds the account of a subject. Nothing if there is none, if it answers with another `sub` than asked for, or if its
 * `sub` is in the namespace of clients.
 */
export async function findAccount(op: Pick<Op, "accounts" | "log">, subject: string): Promise<Account | undefined> {
  if (isClientSubject(subject)) {
    op.log.error({ event: "account.refused", subject }, "a person's subject must not begin with client:");
    return undefined;
  }
  const account = await op.accounts.find(subject);
  if (account === undefined || account.sub === subject) return account;
  // Never another person (OpenID Connect Core §5.3.2 has the client compare sub for the same reason).
  op.log.error(
    { event: "account.mismatch", subject, found: account.sub },
    "accounts.find answered for another subject",
  );
  return undefined;
}

/** Picks claims by name; absent and reserved ones are left out. */
export function pickClaims(names: readonly string[], account: Account): Record<string, unknown> {
  const claims: Record<string, unknown> = {};
  for (const name of names) {
    const value = Object.hasOwn(account.claims, name) ? account.claims[name] : undefined;
    if (value !== undefined && value !== null && !reservedClaims.has(name)) claims[name] = value;
  }
  return claims;
}

/** Picks the claims these scopes release; absent and reserved ones are left out. */
export function claimsFor(op: Pick<Op, "claims">, scope: readonly string[], account: Account): Record<string, unknown> {
  const names = scope.flatMap((one) => (Object.hasOwn(op.claims, one) ? (op.claims[one] ?? []) : []));
  return pickClaims(names, account);
}
