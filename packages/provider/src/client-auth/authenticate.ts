/**
 * Finds out which client sent a request, and whether it is that client (RFC 6749 §2.3, §3.2.1, §5.2).
 *
 * Exactly one method, and the one the client registered. Unknown client, wrong secret, wrong method and disabled client
 * are one answer to the outside and differ in the log. Guarantees that guessing is slowed per address and never locks
 * the client out, and that keys which cannot be had are an outage and not a refusal.
 */
import { basicChallenge } from "@valetkey/protocol/authorization-header";
import {
  invalidClient,
  invalidRequest,
  isOAuthError,
  type OAuthError,
  temporarilyUnavailable,
  tooManyRequests,
} from "@valetkey/protocol/errors";
import type { Form } from "@valetkey/protocol/form";
import { JwksUnavailable, JwtError, type JwtErrorCode } from "@valetkey/protocol/jose";
import { digestOf, matchesDigest } from "@valetkey/protocol/random";
import { type Client, findClient } from "../clients.ts";
import { meetClient } from "../meet-client.ts";
import { networkOf } from "../network.ts";
import type { Limit, Op, Peer } from "../op.ts";
import type { ClientAuthMethod } from "./method.ts";

/** Wrong proofs from one network, at whatever clients. */
const perNetwork: Limit = { attempts: 300, seconds: 60 };

/** What is found wrong with an assertion before its signature: whoever sent it may be anybody, and hears nothing of it. */
const beforeSignature: readonly JwtErrorCode[] = ["malformed", "header", "algorithm", "key_not_found", "signature"];

const usual = "client authentication failed";

/**
 * Authenticates the client of a request. Throws `invalid_client` (401; with a Basic challenge if the Authorization
 * header was used), `invalid_request` for more than one method, 429 for an address that has guessed too often, 503 when the
 * client's keys cannot be fetched.
 */
export async function authenticateClient(op: Op, request: Request, form: Form, peer: Peer): Promise<Client> {
  const { methods, client_id } = readMethods(op, request, form, peer);
  const network = networkOf(peer.ip);
  const pair = `client:${network ?? ""}:${client_id}`;
  // Only whoever guesses at this client from this network waits: neither the client elsewhere nor its neighbours here do.
  // Looked up together: the store answers both at once.
  const [wait, known] = await Promise.all([
    network === undefined ? 0 : op.throttle.blocked(pair),
    findClient(op, client_id),
  ]);
  if (wait > 0) throw tooManyRequests("too many failed attempts at this client from this address", wait);
  const client = await meetClient(op, client_id, peer, known);
  const method = methods.find((one) => client?.methods.includes(one.method));
  const refusal = await refusalOf(op, client, method, request, form, peer);
  if (client !== undefined && method !== undefined && refusal === undefined)
    return authenticated(client, method, request);
  const { reason, told = usual } = refusal ?? { reason: "unknown client" };
  const used = methods.map((one) => one.method).join(" ");
  op.log.warn(
    { event: "client.refused", client_id: client_id.slice(0, 256), method: used, reason },
    "client authentication failed",
  );
  if (network !== undefined) await countFailure(op, network, client === undefined ? undefined : pair);
  throw refused(request, told);
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

/** The method a request uses, or several if it carries nothing but a `client_id`. */
function readMethods(
  op: Op,
  request: Request,
  form: Form,
  peer: Peer,
): { methods: readonly ClientAuthMethod[]; client_id: string } {
  const found = op.clientAuth.flatMap((method) => {
    const presented = method.read(request, form, peer);
    return presented === undefined ? [] : [{ method, ...presented }];
  });
  const carried = found.filter(({ implied }) => implied === undefined);
  const used = carried.length > 0 ? carried : found;
  // §2.3: the client must not use more than one authentication method in each request.
  if (carried.length > 1) throw invalidRequest("more than one client authentication method was used");
  const [first] = used;
  if (first === undefined)
    throw refused(request, "client authentication is missing or of a kind that is not supported");
  // A header of a scheme nobody read is a second credential.
  if (request.headers.has("authorization") && first.method.method !== "client_secret_basic") {
    throw invalidRequest("more than one client authentication method was used");
  }
  return { methods: used.map(({ method }) => method), client_id: first.client_id };
}

interface Refusal {
  /** For the log. */
  readonly reason: string;
  /** For the client; the usual sentence unless given. */
  readonly told?: string;
}

async function refusalOf(
  op: Op,
  client: Client | undefined,
  method: ClientAuthMethod | undefined,
  request: Request,
  form: Form,
  peer: Peer,
): Promise<Refusal | undefined> {
  if (client === undefined) {
    // An unknown client takes as long as a wrong secret.
    await matchesDigest("no client", await digestOf("no such client"));
    return { reason: "unknown client" };
  }
  if (method === undefined) return { reason: `registered for ${client.methods.join(" or ")}` };
  try {
    if (!(await method.verify(op, client, request, form, peer))) return { reason: "the proof is wrong" };
  } catch (error) {
    if (error instanceof JwksUnavailable) {
      // Not the client's fault and no verdict on it: to be tried again.
      const headers = { "Retry-After": "10" };
      throw temporarilyUnavailable("the keys to check this client with cannot be had", { cause: error, headers });
    }
    if (!isOAuthError(error, "invalid_client")) throw error;
    const { description, cause } = error;
    const isOwner = cause instanceof JwtError && !beforeSignature.includes(cause.code);
    return isOwner ? { reason: description, told: description } : { reason: description };
  }
  return client.disabled ? { reason: "disabled" } : undefined;
}

/** The client as it has just proved itself: of several ways it may have, this was the one. */
async function authenticated(client: Client, { method, instanceOf }: ClientAuthMethod, request: Request) {
  const instance = await instanceOf?.(request);
  const proved = { ...client, method, confidential: method !== "none" };
  return instance === undefined ? proved : { ...proved, instance };
}

function refused(request: Request, description: string): OAuthError {
  // §5.2: the challenge belongs to the answer whenever the client used the Authorization header.
  return invalidClient(
    description,
    request.headers.has("authorization") ? { headers: { "WWW-Authenticate": basicChallenge } } : {},
  );
}
