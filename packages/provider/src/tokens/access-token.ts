/**
 * Makes access tokens: opaque ones kept by digest, or signed ones for resources that verify by themselves (RFC 9068
 * §2).
 *
 * RFC 6749 §1.4, RFC 7519, RFC 9068, RFC 8707. Guarantees that every token names its audience and ends no later than
 * its grant.
 */
import { signJwt } from "@valetkey/protocol/jose";
import { createHandle, createId } from "@valetkey/protocol/random";
import { formatScope } from "@valetkey/protocol/scope";
import type { Change } from "@valetkey/store";
import type { AuthorizationDetail } from "../authorization-details.ts";
import { clientSubject } from "../claims.ts";
import type { Client } from "../clients.ts";
import { type GrantData, insert } from "../entries.ts";
import type { Op } from "../op.ts";
import { subjectFor } from "../pairwise.ts";
import { tokenForm } from "../resources.ts";
import type { Confirmation } from "./binding.ts";

/** What an access token says. Times in milliseconds. */
export interface AccessToken {
  readonly client: Client;
  readonly subject?: string;
  readonly grant?: { readonly id: string; readonly data: GrantData };
  readonly scope: readonly string[];
  /** Empty: for the issuer itself. */
  readonly resource: readonly string[];
  /** The key it is bound to; absent: whoever bears it may use it. */
  readonly cnf?: Confirmation;
  readonly authorization_details?: readonly AuthorizationDetail[];
  /** Further claims, e.g. `act`; none of those the token has by itself. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly now: number;
  readonly expiresAt: number;
}

/** Makes a token and the changes that keep it: none for a signed one. */
export async function mintAccessToken(
  op: Op,
  access: AccessToken,
): Promise<{ token: string; changes: readonly Change[] }> {
  return tokenForm(op, access.resource) === "opaque" ? mintOpaque(op, access) : mintSigned(op, access);
}

async function mintOpaque(op: Op, access: AccessToken): Promise<{ token: string; changes: readonly Change[] }> {
  const { client, subject, grant, scope, resource, cnf, authorization_details, claims, now, expiresAt } = access;
  const { id, handle, digest } = await createHandle("access", now);
  const { auth_time, acr } = grant?.data ?? {};
  const entry = insert("access", {
    id,
    // Whose a token under a grant is, the grant says: nobody looks for tokens by person.
    ...(grant === undefined ? { client: client.client_id, ...(subject === undefined ? {} : { subject }) } : {}),
    expiresAt,
    data: {
      digest,
      ...(grant === undefined ? {} : { grant: grant.id }),
      scope,
      aud: resource.length === 0 ? [op.issuer] : resource,
      iat: Math.floor(now / 1000),
      ...(auth_time === undefined ? {} : { auth_time }),
      ...(acr === undefined ? {} : { acr }),
      ...(cnf === undefined ? {} : { cnf }),
      ...(authorization_details === undefined ? {} : { authorization_details }),
      ...(claims === undefined ? {} : { claims }),
    },
  });
  return { token: handle, changes: [entry] };
}

async function mintSigned(op: Op, access: AccessToken): Promise<{ token: string; changes: readonly Change[] }> {
  const { client, subject, grant, scope, resource, cnf, authorization_details, now, expiresAt } = access;
  const [first = "RS256"] = op.keys.algs;
  const alg = op.resources.get(resource[0] ?? "")?.alg ?? first;
  const { kid, key } = await op.keys.signing(alg);
  const { auth_time, acr } = grant?.data ?? {};
  const claims = {
    ...access.claims,
    iss: op.issuer,
    // RFC 9068 §2.2: for a client's own token sub is the client; the prefix keeps it apart from people (RFC 9700
    // §4.15).
    sub: subject === undefined ? clientSubject(client.client_id) : await subjectFor(op, client, subject),
    aud: resource.length === 1 ? resource[0] : resource,
    client_id: client.client_id,
    iat: Math.floor(now / 1000),
    exp: Math.floor(expiresAt / 1000),
    // Revocation finds the grant by it: the token itself is kept nowhere.
    jti: `${createId(now)}.${grant?.id ?? ""}`,
    ...(scope.length === 0 ? {} : { scope: formatScope(scope) }),
    ...(auth_time === undefined ? {} : { auth_time }),
    ...(acr === undefined ? {} : { acr }),
    ...(cnf === undefined ? {} : { cnf }),
    ...(authorization_details === undefined ? {} : { authorization_details }),
  };
  return { token: await signJwt(claims, { key, alg, kid, typ: "at+jwt" }), changes: [] };
}
