/**
 * Checks a signed request: client, token, signature, and that it comes for the first time (RFC 5849 §3.2, §3.3).
 *
 * Guarantees that a nonce is remembered only of requests whose signature is right, so that nobody else fills the store, and that it
 * is remembered for longer than its timestamp would be accepted: within that time nothing is forgotten.
 */
import { OAuth1Problem, problemResponse } from "@valetkey/protocol/oauth1/problem";
import {
  checkSignature,
  type ReadingRules,
  readSignedRequest,
  type SignedRequest,
  timestampWindow,
} from "@valetkey/protocol/oauth1/signed-request";
import type { Client } from "../clients.ts";
import type { Op, Peer } from "../op.ts";
import type { Endpoint } from "../part.ts";
import { isFirst } from "../replay.ts";
import { findOAuth1Client, signatureKeys } from "./client.ts";

/** Seconds by which the clocks of our own nodes may differ. */
const ownClocks = 60;

/** A request that is who it says, signed with a token or without one. */
export interface Verified<Token> {
  readonly client: Client;
  readonly request: SignedRequest;
  readonly token: Token;
}

/** Where requests are sent, and what their bodies must have. */
export type Place = Pick<ReadingRules, "origin" | "bodyHash">;

/**
 * Checks a request. `find` looks up the token it names (nothing if it names none) and gives what was found with the secret that
 * belongs to it; what is unknown it refuses itself. Throws `OAuth1Problem`.
 */
export async function verifyRequest<Token extends { readonly secret: string } | undefined>(
  op: Op,
  http: Request,
  place: Place,
  find: (token: string | undefined, client: Client) => Promise<Token>,
): Promise<Verified<Token>> {
  const signatureMethods = op.oauth1?.signatureMethods ?? [];
  const request = await readSignedRequest(http, { ...place, signatureMethods, now: op.now() });
  const { client_id, signature_method } = request;
  const client = await findOAuth1Client(op, client_id, signature_method);
  const token = await find(request.token, client);
  await checkSignature(request, await signatureKeys(op, client, signature_method, token?.secret));
  await checkFirst(op, request);
  return { client, request, token };
}

/** §3.3: once for the same timestamp, client and token. PLAINTEXT may come without: whoever could repeat it has read the secrets. */
async function checkFirst(op: Op, { client_id, token = "", timestamp, nonce }: SignedRequest): Promise<void> {
  if (timestamp === undefined || nonce === undefined) return;
  const until = (timestamp + timestampWindow + ownClocks) * 1000;
  if (!(await isFirst(op, ["oauth1", client_id, token, String(timestamp), nonce], until)))
    throw new OAuth1Problem("nonce_used", "this oauth_nonce was used before with this oauth_timestamp");
}

/** Where the provider's own endpoints are, whatever host a proxy asks for. */
export const ownPlace = (op: Op): Place => ({ origin: new URL(op.issuer).origin });

/** An endpoint whose refusals are in the words of OAuth 1.0a. */
export function answering(run: (op: Op, request: Request, peer: Peer) => Promise<Response>): Endpoint["run"] {
  return async (op, request, peer) => {
    try {
      return await run(op, request, peer);
    } catch (error) {
      return refusal(op, error);
    }
  };
}

/** Writes the answer to a problem; throws on what is none. */
export function refusal(op: Op, error: unknown): Response {
  if (!(error instanceof OAuth1Problem)) throw error;
  op.log.info({ event: "oauth1.refused", problem: error.problem }, error.advice);
  return problemResponse(error, { realm: op.issuer });
}

/** Answers with credentials (§2.1, §2.3): a form that nobody keeps. */
export function credentialsResponse(values: Readonly<Record<string, string>>): Response {
  const headers = {
    "Content-Type": "application/x-www-form-urlencoded",
    "Cache-Control": "no-store",
    Pragma: "no-cache",
  };
  return new Response(new URLSearchParams(values).toString(), { status: 200, headers });
}
