/**
 * What an access token said, once it was checked, and which scopes a route asks for.
 *
 * RFC 6749 §3.3, RFC 6750 §3.1, RFC 9068 §2.2, RFC 7662 §2.2, RFC 7800 §3.1, RFC 9396 §9, RFC 9470 §6.
 * Guarantees that scopes are compared as whole names, with case: `read` is neither `readwrite` nor `Read`.
 */

/** One of the `authorization_details` a token was given (RFC 9396 §2). */
export interface AuthorizationDetail {
  readonly type: string;
  readonly [member: string]: unknown;
}

/** What a token is bound to: a DPoP key (RFC 9449 §6.1), a certificate (RFC 8705 §3.1). */
export interface Confirmation {
  readonly jkt?: string;
  readonly "x5t#S256"?: string;
}

/** A checked access token. The key of whoever it stands for is `iss` and `sub` together: see `subjectKey`. */
export interface Token {
  readonly iss: string;
  /** Absent only for tokens of clients that act for themselves. */
  readonly sub?: string;
  readonly client_id?: string;
  readonly scope: readonly string[];
  readonly aud: readonly string[];
  /** Seconds since the epoch; absent if introspection did not say. */
  readonly exp?: number;
  /** How the person proved who they are (RFC 9470 §6). */
  readonly acr?: string;
  /** When they did: seconds since the epoch. */
  readonly auth_time?: number;
  readonly authorization_details?: readonly AuthorizationDetail[];
  /** The key it is bound to; whoever sent it was found to hold it. */
  readonly cnf?: Confirmation;
  /** Whom the token stands for: a person who allowed it, or the client itself (client_credentials). */
  readonly principal: "person" | "client";
  /** Everything the token, or the introspection of it, said. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Scopes a route asks for: `"a b"` is both, `["a b", "c"]` is either (a and b) or c. */
export type Scopes = string | readonly string[];

/** Reads the alternatives, each a list of names that are all needed. None at all is a `TypeError`: it would let nobody in. */
export function alternativesOf(scopes: Scopes): readonly (readonly string[])[] {
  const alternatives = typeof scopes === "string" ? [scopes] : scopes;
  if (alternatives.length === 0) throw new TypeError("a list of scopes must not be empty");
  return alternatives.map((names) => names.split(" ").filter((name) => name !== ""));
}

/** Tells whether a token has all scopes of one of the alternatives. */
export function satisfies(token: Pick<Token, "scope">, alternatives: readonly (readonly string[])[]): boolean {
  return alternatives.some((names) => names.every((name) => token.scope.includes(name)));
}

/** Tells whom a token stands for. RFC 9068 §2.2: without a person the subject is the client; ours are `client:<client_id>`. */
export function principalOf(sub: string | undefined, client_id: string | undefined): Token["principal"] {
  if (sub === undefined) return "client";
  return client_id !== undefined && (sub === client_id || sub === `client:${client_id}`) ? "client" : "person";
}

/**
 * Names whoever a token stands for, for tables of yours: the same text for the same person at the same issuer, another for the
 * same `sub` at another issuer, and another for a client that happens to be called like a person (RFC 9700 §4.15).
 */
export function subjectKey({ iss, sub, client_id, principal }: Token): string {
  // An issuer is a URL: the first space ends it.
  return `${principal} ${iss} ${principal === "client" ? (client_id ?? sub ?? "") : (sub ?? "")}`;
}
