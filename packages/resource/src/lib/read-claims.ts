/**
 * Makes a `Token` of claims that were verified, or of an introspection answer.
 *
 * RFC 9068 §2.2, RFC 7662 §2.2, RFC 7800 §3.1, RFC 9396 §9.
 * Guarantees that what has another shape than its specification says is refused, never guessed at.
 */
import { JwtError } from "@valetkey/protocol/jose";
import { type JwtClaims, timeOf } from "@valetkey/protocol/jwt-claims";
import { type AuthorizationDetail, type Confirmation, principalOf, type Token } from "../token.ts";

export type Claims = Readonly<Record<string, unknown>>;

/** What a dialect reads in its own way. */
export interface Named {
  readonly client_id: string | undefined;
  readonly scope: readonly string[];
  /** Where a dialect has a word for tokens of clients that act for themselves. */
  readonly principal?: Token["principal"];
}

/** Makes the token. Claims of the wrong shape are a `JwtError`. */
export function readClaims(iss: string, claims: Claims, { client_id, scope, principal }: Named): Token {
  const sub = textOf(claims, "sub");
  const acr = textOf(claims, "acr");
  const exp = timeOf(claims as JwtClaims, "exp");
  const auth_time = timeOf(claims as JwtClaims, "auth_time");
  const cnf = confirmationOf(claims.cnf);
  const authorization_details = detailsOf(claims.authorization_details);
  return {
    iss,
    ...(sub === undefined ? {} : { sub }),
    ...(client_id === undefined ? {} : { client_id }),
    scope,
    aud: [claims.aud].flat() as string[],
    ...(exp === undefined ? {} : { exp }),
    ...(acr === undefined ? {} : { acr }),
    ...(auth_time === undefined ? {} : { auth_time }),
    ...(authorization_details === undefined ? {} : { authorization_details }),
    ...(cnf === undefined ? {} : { cnf }),
    principal: principal ?? principalOf(sub, client_id),
    claims,
  };
}

/** Reads client and scopes as the specifications say: each a text. A list is somebody else's dialect and would be misread. */
export function standardNames(claims: Claims): Named {
  return { client_id: textOf(claims, "client_id"), scope: namesOf(textOf(claims, "scope") ?? "") };
}

/** Splits a list of names. */
export const namesOf = (text: string): string[] => text.split(" ").filter((name) => name !== "");

/** Reads a claim that is a text or absent. */
export function textOf(claims: Claims, name: string): string | undefined {
  const value = claims[name];
  if (value === undefined || typeof value === "string") return value;
  throw new JwtError("claims", `${name} must be a string`);
}

/** RFC 7800 §3.1: a token that is bound in a way we do not understand must not pass as if it were not. */
export function confirmationOf(cnf: unknown): Confirmation | undefined {
  if (cnf === undefined) return undefined;
  if (typeof cnf !== "object" || cnf === null) throw new JwtError("claims", "cnf must be an object");
  const { jkt, "x5t#S256": x5t } = cnf as Record<string, unknown>;
  if (![jkt, x5t].every((one) => one === undefined || typeof one === "string") || (jkt ?? x5t) === undefined) {
    throw new JwtError("claims", "the token is bound to a key in a way that is not checked here");
  }
  return cnf;
}

function detailsOf(details: unknown): readonly AuthorizationDetail[] | undefined {
  if (details === undefined) return undefined;
  const isDetail = (one: unknown): one is AuthorizationDetail =>
    typeof one === "object" && one !== null && typeof (one as { type?: unknown }).type === "string";
  if (Array.isArray(details) && details.every(isDetail)) return details;
  throw new JwtError("claims", "authorization_details must be a list of objects with a type");
}
