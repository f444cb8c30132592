/**
 * Makes identity assertions for another authorization server (ID-JAG §3).
 *
 * Guarantees that one is for one server and one client there, for minutes, and can be told from every other token by its type.
 */
import { signJwt } from "@valetkey/protocol/jose";
import { createId } from "@valetkey/protocol/random";
import { formatScope } from "@valetkey/protocol/scope";
import type { Op } from "../op.ts";
import { idJagType } from "../trusted-issuers.ts";

/** What one says. */
export interface IdJag {
  readonly subject: string;
  /** Issuer of the other server. */
  readonly audience: string;
  /** The client's id there. */
  readonly client_id: string;
  readonly scope: readonly string[];
  readonly resource: readonly string[];
  /** Seconds since the epoch. */
  readonly auth_time?: number;
  readonly acr?: string;
  /** Milliseconds. */
  readonly expiresAt: number;
}

/** Makes one. */
export async function mintIdJag(op: Op, assertion: IdJag, now: number): Promise<string> {
  const { subject, audience, client_id, scope, resource, auth_time, acr, expiresAt } = assertion;
  const [alg = "RS256"] = op.keys.algs;
  const { kid, key } = await op.keys.signing(alg);
  const claims = {
    jti: createId(now),
    iss: op.issuer,
    // The other server knows people by what it was told at sign-in: a pairwise sub means nothing there.
    sub: subject,
    aud: audience,
    client_id,
    iat: Math.floor(now / 1000),
    exp: Math.floor(expiresAt / 1000),
    ...(scope.length === 0 ? {} : { scope: formatScope(scope) }),
    ...(resource.length === 0 ? {} : { resource: resource.length === 1 ? resource[0] : resource }),
    ...(auth_time === undefined ? {} : { auth_time }),
    ...(acr === undefined ? {} : { acr }),
  };
  return signJwt(claims, { key, alg, kid, typ: idJagType });
}
