/**
 * Makes ID tokens (OpenID Connect Core §2, §3.1.3.6, §12.2).
 *
 * What profile and email scopes release is for userinfo; the ID token says who, when and how. Guarantees the algorithm
 * the client registered, and never `none`.
 */
import { atHash } from "@valetkey/protocol/id-token";
import { findAccount, pickClaims } from "../claims.ts";
import type { Client } from "../clients.ts";
import type { GrantData } from "../entries.ts";
import type { Op } from "../op.ts";
import { subjectFor } from "../pairwise.ts";
import { answerAlg, protect } from "../protected-answers.ts";

/** What an ID token says. `now` in milliseconds. */
export interface IdToken {
  readonly client: Client;
  readonly subject: string;
  readonly grant: GrantData;
  /** Only in the first one of a grant: §12.2 wants none, or the same, after a refresh. */
  readonly nonce?: string;
  /** What it comes with, for the hashes that tie them together (§3.1.3.6, §3.3.2.11; FAPI 1.0 Part 2 §5.1). */
  readonly accessToken?: string;
  readonly code?: string;
  readonly state?: string;
  /** Claims about the person, beside those asked for one by one. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly now: number;
}

/** Makes an ID token, signed and, if the client registered so, encrypted. */
export async function mintIdToken(
  op: Op,
  { client, subject, grant, nonce, accessToken, code, state, claims: about, now }: IdToken,
): Promise<string> {
  const alg = answerAlg(op, client, "id_token");
  const iat = Math.floor(now / 1000);
  const asked = Object.keys(grant.claims?.id_token ?? {});
  const account = asked.length === 0 ? undefined : await findAccount(op, subject);
  const claims = {
    ...about,
    ...(account === undefined ? {} : pickClaims(asked, account)),
    iss: op.issuer,
    sub: await subjectFor(op, client, subject),
    aud: client.client_id,
    exp: iat + op.lifetimes.id_token,
    iat,
    auth_time: grant.auth_time,
    ...(nonce === undefined ? {} : { nonce }),
    ...(accessToken === undefined ? {} : { at_hash: await atHash(accessToken, alg) }),
    ...(code === undefined ? {} : { c_hash: await atHash(code, alg) }),
    ...(state === undefined ? {} : { s_hash: await atHash(state, alg) }),
    ...(grant.acr === undefined ? {} : { acr: grant.acr }),
    ...(grant.amr === undefined ? {} : { amr: grant.amr }),
    sid: grant.sid,
  };
  return protect(op, client, "id_token", claims, "JWT");
}
