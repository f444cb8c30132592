/**
 * id_token_hint: an ID token of ours that comes back to say who the client thinks is signed in.
 *
 * OpenID Connect Core §3.1.2.1, RP-Initiated Logout §2 (an expired one is accepted), RFC 8725 §3.11.
 * Guarantees that nothing is believed of a token we did not sign, and that no other kind of token passes for one.
 */
import { decodeUnverified, JwtError, verifyJwt } from "@valetkey/protocol/jose";
import { audiencesOf, normalTyp, timeOf } from "@valetkey/protocol/jwt-claims";
import { findClient } from "./clients.ts";
import type { Op } from "./op.ts";
import { subjectOf } from "./pairwise.ts";

/** What a valid hint says. */
export interface Hint {
  readonly subject: string;
  readonly sid?: string;
  /** The clients it was issued to. `subject` is whom they mean, whatever they call them (Core §8.1). */
  readonly audiences: readonly string[];
}

/** Verifies a hint by our own keys; nothing if it is not an ID token of this issuer, whatever is wrong with it. */
export async function verifyHint(op: Op, token: string): Promise<Hint | undefined> {
  try {
    // A hint may be older than its exp: it names a person, it does not admit them. All else is judged as on its last second.
    const exp = timeOf(decodeUnverified(token).claims, "exp") ?? 0;
    const { header, claims } = await verifyJwt(token, {
      keys: async ({ kid }) => (await op.keys.published(kid)).keys,
      algorithms: op.keys.algs,
      issuer: op.issuer,
      audience: undefined,
      now: Math.min(op.now(), (exp - 1) * 1000),
      requiredClaims: ["iss", "sub", "aud", "iat"],
    });
    // RFC 8725 §3.11: an access token (at+jwt) is signed by the same keys.
    if (normalTyp(header.typ)?.endsWith("+jwt")) return undefined;
    const { sub, sid } = claims;
    if (sub === undefined || sub === "") return undefined;
    const audiences = audiencesOf(claims);
    const client = await findClient(op, audiences[0] ?? "");
    const subject = client === undefined ? sub : await subjectOf(op, client, sub);
    if (subject === undefined) return undefined;
    return { subject, audiences, ...(typeof sid === "string" ? { sid } : {}) };
  } catch (e) {
    if (!(e instanceof JwtError)) throw e;
    op.log.debug({ event: "id_token_hint.refused", cause: e }, "an id_token_hint was refused");
    return undefined;
  }
}
