/**
 * What the methods share that prove a client by a JWT in `client_assertion` (RFC 7521 §4.2, RFC 7523 §2.2 and §3, RFC 10070 §4).
 *
 * Guarantees that an assertion belongs to one method, decided by its own words, and that it counts once, at however many
 * servers it is presented at the same time.
 */
import {
  type AssertionChecks,
  type AssertionVerifier,
  clientAssertionType,
  verifyClientAssertion,
} from "@valetkey/protocol/client-assertion";
import { invalidClient } from "@valetkey/protocol/errors";
import type { Form } from "@valetkey/protocol/form";
import { decodeUnverified, JwtError } from "@valetkey/protocol/jose";
import type { Client } from "../clients.ts";
import type { Op } from "../op.ts";
import { isFirst } from "../replay.ts";

/** Whose word an assertion is: the client's own, under a key or a secret of its own, or somebody else's about it. */
export interface Claimed {
  readonly by: "key" | "secret" | "issuer";
  readonly issuer: string;
  readonly subject: string;
}

/** Reads who an assertion says it is from, WITHOUT believing it. Nothing if there is none; no JWT is `invalid_client`. */
export function readAssertion(form: Form): Claimed | undefined {
  const { client_assertion, client_assertion_type } = form;
  if (client_assertion === undefined || client_assertion_type !== clientAssertionType) return undefined;
  try {
    const { header, claims } = decodeUnverified(client_assertion);
    const { iss: issuer, sub: subject } = claims;
    if (typeof issuer !== "string" || typeof subject !== "string" || subject === "")
      throw invalidClient("iss and sub of the client assertion must say whose it is");
    const by = issuer !== subject ? "issuer" : header.alg.startsWith("HS") ? "secret" : "key";
    return { by, issuer, subject };
  } catch (cause) {
    if (!(cause instanceof JwtError)) throw cause;
    throw invalidClient("the client assertion is not a JWT", { cause });
  }
}

/** Reads an assertion a client made itself, of one of the two kinds. Another `client_id` beside it is `invalid_client`. */
export function readOwnAssertion(form: Form, by: "key" | "secret"): { readonly client_id: string } | undefined {
  const claimed = readAssertion(form);
  if (claimed?.by !== by) return undefined;
  // RFC 7521 §4.2: a client_id beside the assertion names the same client.
  if (form.client_id !== undefined && form.client_id !== claimed.subject)
    throw invalidClient("client_id is not the client of the assertion");
  return { client_id: claimed.subject };
}

/** Verifies an assertion a client made itself and remembers its `jti`. Throws `invalid_client`, `JwksUnavailable`. */
export async function verifyOnce(
  op: Op,
  { client_id }: Client,
  assertion: string,
  verifier: AssertionVerifier,
  further: Pick<AssertionChecks, "formerAudiences" | "maxLifetime"> = {},
): Promise<true> {
  const { issuer } = op;
  const checks = { client_id, issuer, verifier, now: op.now(), ...further };
  const { jti, expiresAt } = await verifyClientAssertion(assertion, checks);
  await refuseReplay(op, client_id, jti, expiresAt);
  return true;
}

/** RFC 7523 §3: remembers what was seen; the second time is `invalid_client`. `expiresAt` in milliseconds. */
export async function refuseReplay(op: Op, whose: string, jti: string, expiresAt: number): Promise<void> {
  if (await isFirst(op, ["assertion", whose, jti], expiresAt)) return;
  const used = "the client assertion was used before";
  throw invalidClient(used, { cause: new JwtError("claims", used) });
}

/** The algorithms a client may use: those of the method, or the one it registered for. */
export function algorithmsFor<A extends string>({ metadata }: Client, accepted: readonly A[]): readonly A[] {
  const { token_endpoint_auth_signing_alg: registered } = metadata;
  return registered === undefined ? accepted : accepted.filter((alg) => alg === registered);
}
