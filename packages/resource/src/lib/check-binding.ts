/**
 * Checks that a bound token is sent by whoever holds the key, and an unbound one as what it is.
 *
 * RFC 9449 §4.3, §7.1, §7.2 and §9, RFC 8705 §3.
 * Guarantees that a token bound to a key is never of use without it: not under the Bearer scheme, not with another key, not with a
 * proof that was used before or was made for another URL.
 */
import { base64url, sha256 } from "@valetkey/protocol/digest";
import { readDpopHeader, verifyDpopProof } from "@valetkey/protocol/dpop";
import { dpopNonce, isDpopNonce } from "@valetkey/protocol/dpop-nonce";
import { invalidDpopProof, invalidToken, isOAuthError, OAuthError } from "@valetkey/protocol/errors";
import type { JwsAlgorithm } from "@valetkey/protocol/jose";
import type { IsFirst } from "../seen-proofs.ts";
import type { Token } from "../token.ts";
import type { Credentials, Presented } from "./presented.ts";

export interface BindingChecks {
  /** What proofs must name before the path; nothing if it is not known where this API is. */
  readonly base: string | undefined;
  readonly algorithms: readonly JwsAlgorithm[];
  /** Secrets of the nonces; none: no nonce is wanted. The first makes them, all are accepted. */
  readonly nonceSecrets: readonly string[];
  readonly isFirst: IsFirst;
  readonly now: () => number;
}

/** Headers for the answer: the next nonce. */
export type AnswerHeaders = Readonly<Record<string, string>>;

/** Checks the binding. Throws `invalid_token`, `invalid_dpop_proof`, `use_dpop_nonce`. */
export async function checkBinding(
  { cnf }: Token,
  { scheme, token }: Credentials,
  presented: Presented,
  checks: BindingChecks,
): Promise<AnswerHeaders> {
  const { jkt, "x5t#S256": x5t } = cnf ?? {};
  if (x5t !== undefined) await checkCertificate(x5t, presented);
  // §7.2: a bound token under the Bearer scheme is a downgrade. §7.1: a token without key is not of the other scheme.
  if (scheme === "Bearer" && jkt !== undefined)
    throw notHere("the token is bound to a DPoP key: send it with the DPoP scheme and a proof");
  if (scheme === "DPoP" && jkt === undefined) throw notHere("the token is not bound to a DPoP key");
  return jkt === undefined ? {} : checkProof(jkt, token, presented, checks);
}

async function checkCertificate(x5t: string, { certificate }: Presented): Promise<void> {
  const found = certificate();
  if (found === undefined) throw notHere("the token is bound to a certificate, and the connection has none");
  const der = Uint8Array.from(atob(found), (character) => character.charCodeAt(0));
  if (base64url(await sha256(der)) !== x5t) throw notHere("the token is bound to another certificate");
}

async function checkProof(jkt: string, token: string, presented: Presented, checks: BindingChecks) {
  const { base, algorithms, isFirst, now } = checks;
  if (base === undefined) throw notHere("DPoP proofs are not checked here: protectResource needs baseUrl");
  const proof = readDpopHeader(new Headers(presented.dpop === null ? {} : { dpop: presented.dpop }));
  if (proof === undefined) throw invalidDpopProof("a DPoP proof is missing");
  const time = now();
  const nonces = await noncesAt(checks, time);
  try {
    const verified = await verifyDpopProof(proof, {
      htm: presented.method,
      // The host a request names is whatever its sender wrote: ours is configuration.
      htu: base + pathOf(presented.target()),
      access_token: token,
      now: time,
      algorithms,
      ...(nonces === undefined ? {} : { checkNonce: nonces.check }),
    });
    if (verified.jkt !== jkt) throw notHere("the token is bound to another DPoP key");
    if (!(await isFirst(verified))) throw invalidDpopProof("the proof was used before");
  } catch (error) {
    if (!isOAuthError(error, "use_dpop_nonce")) throw error;
    throw new OAuthError(error.error, error.description, { cause: error, headers: nonces?.next() ?? {} });
  }
  return nonces?.renewal() ?? {};
}

async function noncesAt({ nonceSecrets }: BindingChecks, time: number) {
  const [first] = nonceSecrets;
  if (first === undefined) return undefined;
  const current = await dpopNonce(first, time);
  let sent: string | undefined;
  const next = (): AnswerHeaders => ({ "DPoP-Nonce": current });
  return {
    next,
    async check(nonce: string): Promise<boolean> {
      sent = nonce;
      return (await Promise.all(nonceSecrets.map((secret) => isDpopNonce(secret, nonce, time)))).includes(true);
    },
    // §8.2: whoever has an older one is given the new one in time, and is spared a refusal.
    renewal: (): AnswerHeaders => (sent === current ? {} : next()),
  };
}

/** The path of a target; an absolute one (RFC 9112 §3.2.2) has it too. */
function pathOf(target: string): string {
  if (!target.startsWith("/")) return URL.canParse(target) ? new URL(target).pathname : "/";
  const end = target.search(/[?#]/);
  return end < 0 ? target : target.slice(0, end);
}

const notHere = (why: string): OAuthError =>
  invalidToken("the access token is not valid here", { cause: new Error(why) });
