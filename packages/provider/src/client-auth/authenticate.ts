/**
 * Finds out which client sent a request, and whether it is that client (RFC 6749 §2.3, §3.2.1, §5.2).
 *
 * Exactly one method, and the one the client registered. Unknown client, wrong secret, wrong method and disabled client
 * are one answer to the outside and differ in the log. Guarantees that guessing is slowed per address and never locks
 * the client out.
 */
import { basicChallenge } from "@valetkey/protocol/authorization-header";
import { invalidClient, invalidRequest, type OAuthError, tooManyRequests } from "@valetkey/protocol/errors";
import type { Form } from "@valetkey/protocol/form";
import { digestOf, matchesDigest } from "@valetkey/protocol/random";
import { type Client, findClient } from "../clients.ts";
import { networkOf } from "../network.ts";
import type { Limit, Op, Peer } from "../op.ts";
import type { ClientAuthMethod } from "./method.ts";

/** Wrong proofs from one network, at whatever clients. */
const perNetwork: Limit = { attempts: 300, seconds: 60 };

/**
 * Authenticates the client of a request. Throws `invalid_client` (401; with a Basic challenge if the Authorization
 * header was used), `invalid_request` for more than one method, 429 for an address that has guessed too often.
 */
export async function authenticateClient(op: Op, request: Request, form: Form, peer: Peer): Promise<Client> {
  const { method, client_id } = readMethod(op, request, form);
  const network = networkOf(peer.ip);
  const pair = `client:${network ?? ""}:${client_id}`;
  // Only whoever guesses at this client from this network waits: neither the client elsewhere nor its neighbours here do.
  const wait = network === undefined ? 0 : await op.throttle.blocked(pair);
  if (wait > 0) throw tooManyRequests("too many failed attempts at this client from this address", wait);
  const client = await findClient(op, client_id);
  const reason = await reasonToRefuse(op, client, method, request, form);
  if (client !== undefined && reason === undefined) return client;
  op.log.warn(
    { event: "client.refused", client_id: client_id.slice(0, 256), method: method.method, reason },
    "client authentication failed",
  );
  if (network !== undefined) await countFailure(op, network, client === undefined ? undefined : pair);
  throw refused(request, "client authentication failed");
}

/** Whoever tries many clients, or clients that do not exist, gets 429 for what is wrong anyway; what is right passes. */
async function countFailure(op: Op, network: string, pair: string | undefined): Promise<void> {
  const everywhere = `client:${network}`;
  const wait = await op.throttle.blocked(everywhere, perNetwork);
  if (wait > 0) throw tooManyRequests("too many failed attempts from this address", wait);
  await op.throttle.failed(everywhere, perNetwork);
  // Names that nobody has are not remembered one by one.
  if (pair !== undefined) await op.throttle.failed(pair);
}

function readMethod(op: Op, request: Request, form: Form): { method: ClientAuthMethod; client_id: string } {
  const used = op.clientAuth.flatMap((method) => {
    const presented = method.read(request, form);
    return presented === undefined ? [] : [{ method, client_id: presented.client_id }];
  });
  // §2.3: the client must not use more than one authentication method in each request.
  if (used.length > 1) throw invalidRequest("more than one client authentication method was used");
  const [only] = used;
  if (only === undefined) throw refused(request, "client authentication is missing or of a kind that is not supported");
  // A header of a scheme nobody read is a second credential.
  if (request.headers.has("authorization") && only.method.method !== "client_secret_basic") {
    throw invalidRequest("more than one client authentication method was used");
  }
  return only;
}

async function reasonToRefuse(
  op: Op,
  client: Client | undefined,
  method: ClientAuthMethod,
  request: Request,
  form: Form,
): Promise<string | undefined> {
  if (client === undefined) {
    // An unknown client takes as long as a wrong secret.
    await matchesDigest("no client", await digestOf("no such client"));
    return "unknown client";
  }
  const registered = client.metadata.token_endpoint_auth_method ?? "client_secret_basic";
  if (method.method !== registered) return `registered for ${registered}`;
  if (!(await method.verify(op, client, request, form))) return "the proof is wrong";
  return client.disabled ? "disabled" : undefined;
}

function refused(request: Request, description: string): OAuthError {
  // §5.2: the challenge belongs to the answer whenever the client used the Authorization header.
  return invalidClient(
    description,
    request.headers.has("authorization") ? { headers: { "WWW-Authenticate": basicChallenge } } : {},
  );
}
