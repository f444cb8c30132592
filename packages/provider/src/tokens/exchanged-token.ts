/**
 * Reads a token that somebody wants to exchange (RFC 8693 §2.1, §3).
 *
 * Guarantees that it is a token of ours that is active, an ID token of ours that counts for the client while something stands that it was given for, or a JWT of an issuer in the
 * list; that its person is still somebody here; that a refresh token is its client's own, as when it is refreshed; and that whatever else it may be is one refusal.
 */
import { invalidRequest } from "@valetkey/protocol/errors";
import { JwtError, verifyJwt } from "@valetkey/protocol/jose";
import { normalTyp } from "@valetkey/protocol/jwt-claims";
import { findAccount } from "../claims.ts";
import type { Client } from "../clients.ts";
import { listAll } from "../cut.ts";
import type { Op } from "../op.ts";
import { subjectOf } from "../pairwise.ts";
import { type TrustedIssuer, verifyTrusted } from "../trusted-issuers.ts";
import { type Confirmation, fallsBack } from "./binding.ts";
import { readToken } from "./read-token.ts";

/** RFC 8693 §3. */
export const tokenTypes = {
  access_token: "urn:ietf:params:oauth:token-type:access_token",
  refresh_token: "urn:ietf:params:oauth:token-type:refresh_token",
  id_token: "urn:ietf:params:oauth:token-type:id_token",
  jwt: "urn:ietf:params:oauth:token-type:jwt",
} as const;

type Act = Readonly<Record<string, unknown>>;

/** What a token says that may be exchanged. */
export interface ExchangedToken {
  readonly type: string;
  readonly issuer: string;
  /** What its issuer calls the person, for a JWT of somebody else. */
  readonly sub?: string;
  /** Subject of an account of ours. */
  readonly subject: string;
  /** Whom it was issued to; absent for a JWT of somebody else. */
  readonly client_id?: string;
  readonly scope: readonly string[];
  readonly aud: readonly string[];
  /** Milliseconds. */
  readonly expiresAt: number;
  /** Seconds since the epoch. */
  readonly auth_time?: number;
  readonly acr?: string;
  readonly grant?: string;
  readonly cnf?: Confirmation;
  readonly act?: Act;
  readonly may_act?: unknown;
}

/** Reads it. Throws `invalid_request`, whatever is wrong with the token (§2.2.2). */
export async function readExchanged(
  op: Op,
  issuers: readonly TrustedIssuer[],
  client: Client,
  token: string,
  type: string,
): Promise<ExchangedToken> {
  const read =
    type === tokenTypes.access_token || type === tokenTypes.refresh_token
      ? await readOurs(op, client, token, type)
      : type === tokenTypes.id_token
        ? await readIdToken(op, client, token)
        : type === tokenTypes.jwt
          ? await readForeign(op, issuers, token)
          : undefined;
  if (read === undefined || (await findAccount(op, read.subject)) === undefined)
    throw invalidRequest("the token is not one that can be exchanged here");
  return read;
}

async function readOurs(op: Op, client: Client, token: string, type: string): Promise<ExchangedToken | undefined> {
  const { state, grant: standing } = (await readToken(op, token, op.now())) ?? {};
  const kind = type === tokenTypes.access_token ? "access" : "refresh";
  // A client's own token is about nobody.
  if (state === undefined || state.kind !== kind || state.subject === undefined) return undefined;
  const { subject, client_id, scope, aud, exp, auth_time, acr, grant, claims } = state;
  let { cnf } = state;
  if (kind === "refresh") {
    const { data } = standing ?? {};
    // RFC 6749 §10.4: bound to its client, and to whatever refreshing it would ask for.
    if (client_id !== client.client_id || data === undefined || fallsBack(data, client)) return undefined;
    if (data.instance !== undefined && data.instance !== client.instance) return undefined;
    cnf = data.cnf;
  }
  return {
    type,
    issuer: op.issuer,
    subject,
    client_id,
    scope,
    aud,
    expiresAt: exp * 1000,
    ...(auth_time === undefined ? {} : { auth_time }),
    ...(acr === undefined ? {} : { acr }),
    ...(grant === undefined ? {} : { grant }),
    ...(cnf === undefined ? {} : { cnf }),
    ...actorsOf(claims ?? {}),
  };
}

async function readIdToken(op: Op, client: Client, token: string): Promise<ExchangedToken | undefined> {
  try {
    const { header, claims } = await verifyJwt(token, {
      keys: async ({ kid }) => (await op.keys.published(kid)).keys,
      algorithms: op.keys.algs,
      issuer: op.issuer,
      audience: client.client_id,
      now: op.now(),
      requiredClaims: ["sub"],
    });
    // RFC 8725 §3.11: other tokens of ours are signed by the same keys.
    if (normalTyp(header.typ)?.endsWith("+jwt") === true) return undefined;
    const subject = await subjectOf(op, client, claims.sub ?? "");
    if (subject === undefined) return undefined;
    const { exp = 0, auth_time, acr, sid } = claims;
    // P10, P11: it says that somebody signed in, and counts until they sign out or take back what they allowed.
    const standing = await listAll(op, "grant", { subject, client: client.client_id });
    const grant = standing.find(({ data }) => data.sid === sid && data.borrowed !== true);
    if (grant === undefined) return undefined;
    return {
      type: tokenTypes.id_token,
      issuer: op.issuer,
      subject,
      client_id: client.client_id,
      scope: [],
      aud: [client.client_id],
      expiresAt: exp * 1000,
      grant: grant.id,
      ...(typeof auth_time === "number" ? { auth_time } : {}),
      ...(typeof acr === "string" ? { acr } : {}),
    };
  } catch (error) {
    if (error instanceof JwtError) return undefined;
    throw error;
  }
}

async function readForeign(
  op: Op,
  issuers: readonly TrustedIssuer[],
  token: string,
): Promise<ExchangedToken | undefined> {
  const { kind, claims, from, subject } = await verifyTrusted(op, issuers, token);
  // ID-JAG §4.4: one of those is for the client it names, and for the JWT bearer grant.
  if (kind !== "assertion") return undefined;
  const cnf = readThumbprint(claims.cnf);
  // Bound in a way that cannot be checked here.
  if (claims.cnf !== undefined && cnf === undefined) return undefined;
  return {
    type: tokenTypes.jwt,
    issuer: from.issuer,
    ...(claims.sub === undefined ? {} : { sub: claims.sub }),
    subject,
    ...(cnf === undefined ? {} : { cnf }),
    scope: typeof claims.scope === "string" ? claims.scope.split(" ") : [],
    aud: [op.issuer],
    expiresAt: (claims.exp ?? 0) * 1000,
    ...(typeof claims.auth_time === "number" ? { auth_time: claims.auth_time } : {}),
    ...actorsOf(claims),
  };
}

function readThumbprint(cnf: unknown): Confirmation | undefined {
  const jkt = typeof cnf === "object" && cnf !== null && "jkt" in cnf ? cnf.jkt : undefined;
  return typeof jkt === "string" ? { jkt } : undefined;
}

function actorsOf({ act, may_act }: Readonly<Record<string, unknown>>): Pick<ExchangedToken, "act" | "may_act"> {
  return {
    ...(typeof act === "object" && act !== null ? { act: act as Act } : {}),
    ...(may_act === undefined ? {} : { may_act }),
  };
}
