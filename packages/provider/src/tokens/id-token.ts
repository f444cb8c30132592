/**
 * Makes ID tokens (OpenID Connect Core §2, §3.1.3.6, §12.2).
 *
 * What profile and email scopes release is for userinfo; the ID token says who, when and how. Guarantees the algorithm
 * the client registered, and never `none`.
 */
import { atHash } from "@valetkey/protocol/id-token";
import { signJwt } from "@valetkey/protocol/jose";
import type { Client } from "../clients.ts";
import type { GrantData } from "../entries.ts";
import type { Op, SigningAlg } from "../op.ts";

/** What an ID token says. `now` in milliseconds. */
export interface IdToken {
  readonly client: Client;
  readonly subject: string;
  readonly grant: GrantData;
  /** Only in the first one of a grant: §12.2 wants none, or the same, after a refresh. */
  readonly nonce?: string;
  readonly accessToken: string;
  readonly now: number;
}

/**
 * The algorithm a client's ID tokens are signed with: the registered one, else RS256 (OpenID Connect Registration §2).
 */
export function idTokenAlg(op: Pick<Op, "keys">, client: Client): SigningAlg {
  const { algs } = op.keys;
  const registered = algs.find((alg) => alg === client.metadata.id_token_signed_response_alg);
  return registered ?? (algs.includes("RS256") ? "RS256" : (algs[0] ?? "RS256"));
}

/** Makes a signed ID token. */
export async function mintIdToken(
  op: Op,
  { client, subject, grant, nonce, accessToken, now }: IdToken,
): Promise<string> {
  const alg = idTokenAlg(op, client);
  const { kid, key } = await op.keys.signing(alg);
  const iat = Math.floor(now / 1000);
  const claims = {
    iss: op.issuer,
    sub: subject,
    aud: client.client_id,
    exp: iat + op.lifetimes.id_token,
    iat,
    auth_time: grant.auth_time,
    ...(nonce === undefined ? {} : { nonce }),
    at_hash: await atHash(accessToken, alg),
    ...(grant.acr === undefined ? {} : { acr: grant.acr }),
    ...(grant.amr === undefined ? {} : { amr: grant.amr }),
    sid: grant.sid,
  };
  return signJwt(claims, { key, alg, kid, typ: "JWT" });
}
