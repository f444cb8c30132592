/**
 * Reads a token of ours and says whether it is active, whatever its form: for userinfo, introspection, revocation and
 * operators.
 *
 * RFC 7662 §2.2, RFC 7009 §2.1, RFC 9068 §4. Guarantees that a token is active only while its grant, its client and its
 * person are, and that the reasons why it is not cannot be told apart.
 */
import { decodeUnverified, type JwtClaims, JwtError, verifyJwt } from "@valetkey/protocol/jose";
import { parseScope } from "@valetkey/protocol/scope";
import type { AuthorizationDetail } from "../authorization-details.ts";
import { clientSubject, findAccount } from "../claims.ts";
import { type Client, findClient } from "../clients.ts";
import { cutGrant, removeAll } from "../cut.ts";
import { find, findByHandle, insert, type Known } from "../entries.ts";
import { findLiveGrant, isCurrent, liveGrant } from "../grants/live-grant.ts";
import { readSignedToken } from "../oauth1/read-token.ts";
import type { Account, Op } from "../op.ts";
import type { TokenState, Tokens } from "../options.ts";
import { subjectOf } from "../pairwise.ts";
import type { Confirmation } from "./binding.ts";

/** Seconds: another node of ours, with a clock ahead of this one, may have issued it just now (P18). */
const clockTolerance = 60;

/** An active token, and what was found on the way. */
export interface ReadToken {
  readonly state: TokenState;
  readonly client: Client;
  readonly account: Account | undefined;
  /** What keeps it in the store; absent for a signed one. */
  readonly entry?: Known<"access">;
  /** The grant behind it; absent for a client's own. */
  readonly grant?: Known<"grant">;
}

/**
 * Reads a token at a time in milliseconds: `undefined` unless it is active. `asking`: the client that has just been found, which need
 * not be found again if the token is its own.
 */
export async function readToken(op: Op, token: string, now: number, asking?: Client): Promise<ReadToken | undefined> {
  return (
    (await readOpaque(op, token, asking)) ??
    (await readRefresh(op, token, asking)) ??
    (await readSigned(op, token, now))
  );
}

async function readOpaque(op: Op, token: string, asking: Client | undefined): Promise<ReadToken | undefined> {
  const entry = await findByHandle(op.store, "access", token);
  if (entry === undefined) return undefined;
  const { scope, aud, iat, auth_time, acr, grant, cnf, authorization_details, claims } = entry.data;
  const standing = grant === undefined ? undefined : await find(op.store, "grant", grant);
  if (grant !== undefined && standing === undefined) return undefined;
  const { client = "", subject } = standing ?? entry;
  const state: TokenState = {
    kind: "access",
    client_id: client,
    ...(subject === undefined ? {} : { subject }),
    scope,
    aud,
    iat,
    exp: Math.floor((entry.expiresAt ?? 0) / 1000),
    ...(auth_time === undefined ? {} : { auth_time }),
    ...(acr === undefined ? {} : { acr }),
    jti: entry.id,
    ...(grant === undefined ? {} : { grant }),
    ...(cnf === undefined ? {} : { cnf }),
    ...(authorization_details === undefined ? {} : { authorization_details }),
    ...(claims === undefined ? {} : { claims }),
  };
  const alive = await ifAlive(op, state, { standing, asking });
  return alive && { ...alive, entry };
}

async function readRefresh(op: Op, token: string, asking: Client | undefined): Promise<ReadToken | undefined> {
  const entry = await findByHandle(op.store, "refresh", token);
  if (entry === undefined || entry.data.spentAt !== undefined) return undefined;
  const grant = await find(op.store, "grant", entry.data.grant);
  if (grant === undefined || !isCurrent(entry.data, grant.data)) return undefined;
  const { client = "", subject } = grant;
  const { scope, auth_time, acr } = grant.data;
  const state: TokenState = {
    kind: "refresh",
    client_id: client,
    ...(subject === undefined ? {} : { subject }),
    scope,
    // A refresh token is for us alone.
    aud: [op.issuer],
    iat: entry.data.iat,
    exp: Math.floor((entry.expiresAt ?? 0) / 1000),
    auth_time,
    ...(acr === undefined ? {} : { acr }),
    jti: entry.id,
    grant: grant.id,
  };
  return ifAlive(op, state, { standing: grant, asking });
}

async function readSigned(op: Op, token: string, now: number): Promise<ReadToken | undefined> {
  const claims = await verifySigned(op, token, now);
  if (claims === undefined) return undefined;
  const { client_id, jti = "", sub = "", aud = [], iat = 0, exp = 0, scope, auth_time, acr } = claims;
  if (typeof client_id !== "string") return undefined;
  if ((await find(op.store, "revoked", jti)) !== undefined) return undefined;
  const { cnf, authorization_details } = claims;
  const further = furtherClaims(claims);
  const client = await findClient(op, client_id);
  // Nobody is known by a sub that was never given to this client.
  const subject = client === undefined ? sub : ((await subjectOf(op, client, sub)) ?? "");
  const grant = jti.split(".")[1] ?? "";
  return ifAlive(op, {
    kind: "access",
    client_id,
    ...(sub === clientSubject(client_id) ? {} : { subject }),
    scope: parseScope(typeof scope === "string" ? scope : undefined),
    aud: typeof aud === "string" ? [aud] : aud,
    iat,
    exp,
    ...(typeof auth_time === "number" ? { auth_time } : {}),
    ...(typeof acr === "string" ? { acr } : {}),
    jti,
    ...(grant === "" ? {} : { grant }),
    // We signed them: they have the shape they were given.
    ...(cnf === undefined ? {} : { cnf: cnf as Confirmation }),
    ...(authorization_details === undefined
      ? {}
      : { authorization_details: authorization_details as readonly AuthorizationDetail[] }),
    ...(further === undefined ? {} : { claims: further }),
  });
}

/** Claims a grant type added, e.g. `act` (RFC 8693 §4.1). */
function furtherClaims(claims: JwtClaims): Readonly<Record<string, unknown>> | undefined {
  const names = Object.keys(claims).filter((name) => !ownClaims.has(name));
  return names.length === 0 ? undefined : Object.fromEntries(names.map((name) => [name, claims[name]]));
}

const ownClaims = new Set([
  ...["iss", "sub", "aud", "client_id", "iat", "exp", "jti", "scope", "auth_time", "acr"],
  ...["cnf", "authorization_details"],
]);

async function verifySigned(op: Op, token: string, now: number): Promise<JwtClaims | undefined> {
  try {
    const { kid, typ } = decodeUnverified(token).header;
    // RFC 9068 §4: an ID token is signed by the same keys and must not pass for an access token.
    if (typ !== "at+jwt") return undefined;
    const { claims } = await verifyJwt(token, {
      keys: await op.keys.published(kid),
      algorithms: op.keys.algs,
      typ: "at+jwt",
      issuer: op.issuer,
      audience: undefined,
      now,
      clockTolerance,
      requiredClaims: ["iss", "sub", "aud", "iat", "jti", "client_id"],
    });
    return (claims.exp ?? 0) * 1000 > now ? claims : undefined;
  } catch (error) {
    if (error instanceof JwtError) return undefined;
    throw error;
  }
}

/** Grant, client and person must still be there, and belong together. `standing` and `asking`: grant and client, where they were found already. */
async function ifAlive(
  op: Op,
  state: TokenState,
  { standing, asking }: { standing?: Known<"grant"> | undefined; asking?: Client | undefined } = {},
): Promise<ReadToken | undefined> {
  const { client_id, subject, grant: id } = state;
  // Looked up together: the store answers both at once.
  const [client, grant] = await Promise.all([
    asking?.client_id === client_id ? asking : findClient(op, client_id),
    standing === undefined ? id && findLiveGrant(op, id, client_id) : liveGrant(op, standing),
  ]);
  if (client === undefined || client.disabled) return undefined;
  // What a client got before it was removed is nothing to whoever is registered under its id afterwards. Grants are gone by themselves.
  if (id === undefined && state.iat + clockTolerance < client.entry.data.createdAt / 1000) return undefined;
  if (subject === undefined) return id === undefined ? { state, client, account: undefined } : undefined;
  if (id === undefined) {
    const account = await findAccount(op, subject);
    return account && { state, client, account };
  }
  return grant && grant.subject === subject ? { state, client, account: grant.account, grant: grant.entry } : undefined;
}

/**
 * Revokes a token that was read: an access token alone, a refresh token with everything under its grant (RFC 7009
 * §2.1).
 */
export async function revokeRead(op: Op, { state, entry }: ReadToken): Promise<void> {
  op.log.info(
    { event: "token.revoked", client_id: state.client_id, subject: state.subject, kind: state.kind },
    "a token was revoked",
  );
  if (state.kind === "refresh") return cutGrant(op, state.grant ?? "");
  if (entry !== undefined) return removeAll(op, [entry]);
  // P9: the mark lives as long as the token would. `false` means that it is there already.
  const subject = state.subject === undefined ? {} : { subject: state.subject };
  await op.store.commit([
    insert("revoked", { id: state.jti, client: state.client_id, ...subject, expiresAt: state.exp * 1000, data: {} }),
  ]);
}

/** Tokens, for operators. */
export function tokensOf(op: Op): Tokens {
  return {
    async read(token) {
      return (await readToken(op, token, op.now()))?.state;
    },
    async readOAuth1(request, place = {}) {
      if (op.oauth1 === undefined) throw new TypeError("readOAuth1 needs oauth1() among the provider's options");
      return (await readSignedToken(op, request, place)).state;
    },
    async revoke(token) {
      const read = await readToken(op, token, op.now());
      if (read !== undefined) await revokeRead(op, read);
      return read !== undefined;
    },
  };
}
