/**
 * Finds clients of OAuth 1.0a, and the keys their signatures are checked with.
 *
 * RFC 5849 §1.1 (client credentials), §3.4. Guarantees that a method meets its own kind of key only, and is one the client was
 * registered for.
 */
import { temporarilyUnavailable } from "@valetkey/protocol/errors";
import { type Jwk, JwksUnavailable } from "@valetkey/protocol/jose";
import { OAuth1Problem } from "@valetkey/protocol/oauth1/problem";
import type { SignatureKey, SignatureMethod } from "@valetkey/protocol/oauth1/signature";
import { keysOfClient } from "../client-keys.ts";
import { readSecrets } from "../client-secrets.ts";
import { type Client, findClient } from "../clients.ts";
import type { Op } from "../op.ts";
import { isRsa, registeredMethods } from "./registered-methods.ts";

/** A modulus of 2048 bits in base64url; shorter ones can be factored. */
const leastModulus = 342;
const maxCandidates = 4;

/** Finds a client that may use this method. Throws `OAuth1Problem`: unknown, disabled and other clients look the same. */
export async function findOAuth1Client(op: Op, client_id: string, method: SignatureMethod): Promise<Client> {
  const client = await findClient(op, client_id);
  const methods = registeredMethods(client?.metadata ?? {});
  if (client === undefined || client.disabled || methods.length === 0)
    throw new OAuth1Problem("consumer_key_unknown", "there is no such client here (oauth_consumer_key)");
  if (!methods.includes(method))
    throw new OAuth1Problem("signature_method_rejected", `the client is registered for ${methods.join(", ")}`);
  return client;
}

/** The keys a signature of this client may be made with: during a rotation there are several. */
export async function signatureKeys(
  op: Op,
  client: Client,
  signature_method: SignatureMethod,
  token_secret: string | undefined,
): Promise<SignatureKey[]> {
  if (isRsa(signature_method)) return (await rsaKeys(op, client)).map((key) => ({ signature_method, key }));
  const secrets = await readSecrets(op, client.entry.data);
  return secrets.map((client_secret) => ({ signature_method, client_secret, token_secret }));
}

async function rsaKeys(op: Op, client: Client): Promise<Jwk[]> {
  const keys = keysOfClient(op, client);
  try {
    const all = typeof keys === "function" ? await keys({ alg: "RS256" }) : (keys?.keys ?? []);
    const fit = all.filter(({ kty, use, n }) => kty === "RSA" && use !== "enc" && (n ?? "").length >= leastModulus);
    return fit.slice(0, maxCandidates);
  } catch (cause) {
    if (!(cause instanceof JwksUnavailable)) throw cause;
    const headers = { "Retry-After": "10" };
    throw temporarilyUnavailable("the keys to check this client with cannot be had", { cause, headers });
  }
}
