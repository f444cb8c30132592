/**
 * What a route asks of a token besides being good: scopes, how it is bound, how and when the person proved who they are, details.
 *
 * RFC 6750 §3.1, RFC 9449 §7.1, RFC 9470 §3 and §4, RFC 9396 §9.
 * Guarantees that what a token does not say does not count as fulfilled, and that mistakes show when the route is made.
 */
import { invalidToken, OAuthError } from "@valetkey/protocol/errors";
import { InsufficientAuthentication, InsufficientScope } from "./challenge.ts";
import { type Duration, readDuration } from "./lib/duration.ts";
import { checkNames } from "./lib/known-options.ts";
import { requireNames } from "./lib/option-names.ts";
import type { Credentials } from "./lib/presented.ts";
import { type AuthorizationDetail, alternativesOf, type Scopes, satisfies, type Token } from "./token.ts";

/** Options of one route. */
export interface RequireOptions {
  /** Requests without a token pass; a bad token is refused all the same. */
  readonly optional?: boolean;
  /** `"required"`: tokens that are not bound to a DPoP key are refused (RFC 9449). */
  readonly dpop?: "required";
  /** `"required"`: tokens that are not bound to a client's certificate are refused (RFC 8705). */
  readonly certificate?: "required";
  /** One of these ways to prove who one is, the best first; a text for one (RFC 9470). */
  readonly acr?: string | readonly string[];
  /** Whoever proved who they are longer ago has to do it again: seconds, or `"10m"` (RFC 9470). */
  readonly maxAge?: Duration;
  /** Whether the token's `authorization_details` are enough, `[]` if it has none (RFC 9396). */
  readonly authorizationDetails?: (details: readonly AuthorizationDetail[], token: Token) => boolean | Promise<boolean>;
}

/** A requirement that was read. */
export interface Requirement extends Omit<RequireOptions, "optional" | "acr" | "maxAge"> {
  readonly optional: boolean;
  /** Alternatives, each a list of names. */
  readonly scopes: readonly (readonly string[])[];
  readonly acr_values: readonly string[] | undefined;
  /** Seconds. */
  readonly max_age: number | undefined;
}

/** The overloads of `requireOAuth`: with `optional` a route may find no token. */
export interface RequireOAuthOf<Guard, OptionalGuard> {
  (scopes?: Scopes, options?: RequireOptions & { readonly optional?: false }): Guard;
  (options: RequireOptions & { readonly optional?: false }): Guard;
  (options: RequireOptions & { readonly optional: true }): OptionalGuard;
  (scopes: Scopes, options: RequireOptions): OptionalGuard;
}

/** Reads the arguments of `requireOAuth`. What cannot be asked for is a `TypeError`. */
export function readRequirement(first?: Scopes | RequireOptions, second?: RequireOptions): Requirement {
  const isScopes = typeof first === "string" || Array.isArray(first);
  const scopes = isScopes ? alternativesOf(first as Scopes) : [[]];
  const given = (isScopes || first === undefined ? second : (first as RequireOptions)) ?? {};
  checkNames("requireOAuth", given, requireNames);
  const { optional = false, acr, maxAge, ...rest } = given;
  const acr_values = typeof acr === "string" ? [acr] : acr;
  if (acr_values?.length === 0) throw new TypeError("a list of acr must not be empty");
  for (const name of ["dpop", "certificate"] as const) {
    if (rest[name] !== undefined && rest[name] !== "required")
      throw new TypeError(`${name} of a route can only be "required", got ${rest[name]}`);
  }
  const max_age = maxAge === undefined ? undefined : readDuration("maxAge", maxAge);
  return { ...rest, optional, scopes, acr_values, max_age };
}

/**
 * Checks what a route asks for. Throws `invalid_token` (not bound), `InsufficientScope`, `InsufficientAuthentication`.
 * `now` in milliseconds, `clockTolerance` in seconds.
 */
export async function checkRequirement(
  token: Token,
  { scheme }: Credentials,
  requirement: Requirement,
  { now, clockTolerance }: { readonly now: number; readonly clockTolerance: number },
): Promise<void> {
  const { scopes, acr_values, max_age, authorizationDetails } = requirement;
  if (requirement.dpop === "required" && scheme !== "DPoP")
    throw unbound("this needs a token that is bound to a DPoP key");
  if (requirement.certificate === "required" && token.cnf?.["x5t#S256"] === undefined)
    throw unbound("this needs a token that is bound to a certificate");
  if (!satisfies(token, scopes)) throw new InsufficientScope(scopes[0] ?? []);
  const { acr, auth_time } = token;
  const isAcr = acr_values === undefined || (acr !== undefined && acr_values.includes(acr));
  const isRecent =
    max_age === undefined || (auth_time !== undefined && now / 1000 <= auth_time + max_age + clockTolerance);
  if (!isAcr || !isRecent) throw new InsufficientAuthentication(acr_values, max_age);
  if (authorizationDetails === undefined) return;
  // RFC 9396 has no code of its own for this; the nearest is that the token does not reach this far.
  if (!(await authorizationDetails(token.authorization_details ?? [], token)))
    throw new OAuthError("insufficient_scope", "the authorization details of the access token do not allow this");
}

const unbound = (why: string): OAuthError =>
  invalidToken("the access token is not valid here", { cause: new Error(why) });
