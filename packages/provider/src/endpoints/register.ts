/**
 * Dynamic client registration and its management (RFC 7591 §3, RFC 7592 §2, OpenID Connect Registration §3 and §4).
 *
 * Guarantees that whoever registers gets what a stranger may have and no more, and that only the holder of a client's
 * registration access token reads, changes or deletes it: an unknown client and a wrong token are the same answer.
 */
import { invalidClientMetadata } from "@valetkey/protocol/errors";
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import { createHandle, matchesDigest, readHandle } from "@valetkey/protocol/random";
import { readJsonObject } from "@valetkey/protocol/read-json";
import { changeClient, registerClient, removeClient, withMetadata, withNewSecret } from "../client-registry.ts";
import { type Client, findClient } from "../clients.ts";
import { jsonResponse } from "../lib/json-response.ts";
import type { Op, Peer, RegistrationPolicy } from "../op.ts";
import { readBearerOrRefuse, refused } from "../registration-policy.ts";

const limit = 65_536;

/** Answers `POST /register`: 201 with the client as it was registered. */
export async function registerEndpoint(op: Op, request: Request, peer: Peer): Promise<Response> {
  const policy = policyOf(op);
  const now = op.now();
  const changes = await policy.authorize(op, request, peer);
  const given = await readMetadata(request, policy);
  const { id, handle, digest } = await createHandle("registration", now);
  const ending = policy.unusedTtl === undefined ? {} : { expiresAt: now + policy.unusedTtl * 1000 };
  const registered = await registerClient(op, given, {
    provenance: "dynamic",
    registration: digest,
    changes,
    ...ending,
    // The client_id is random: what was taken is the last use of the initial access token, by another request.
    lost: refused(),
  });
  await policy.registered?.(op, peer);
  op.log.debug(
    { event: "client.registered", client_id: registered.client.client_id, token: id },
    "a stranger registered a client",
  );
  return jsonResponse(describe(op, registered.client, handle, registered.client_secret), { status: 201 });
}

/** Answers `GET`, `PUT` and `DELETE /register/<client_id>`. */
export async function registeredClientEndpoint(op: Op, request: Request): Promise<Response> {
  const { client, token } = await authorize(op, request);
  if (request.method === "DELETE") {
    await removeClient(op, client.client_id);
    return new Response(null, { status: 204, headers: { "Cache-Control": "no-store" } });
  }
  if (request.method === "PUT") return update(op, request, client, token);
  return jsonResponse(describe(op, client, token));
}

function policyOf(op: Op): RegistrationPolicy {
  if (op.registration === undefined) throw new TypeError("registration is not configured");
  return op.registration;
}

/** What a stranger may say: ids, secrets and extensions are ours to give. */
async function readMetadata(request: Request, policy: RegistrationPolicy): Promise<ClientMetadata> {
  const { client_id: _, client_secret: __, introspects: ___, ...metadata } = await readJsonObject(request, { limit });
  // Nothing is known of the members yet but that they are JSON: the policy and checkClient look at each.
  return policy.limit === undefined ? metadata : policy.limit(metadata as ClientMetadata);
}

/** RFC 7592 §2: a token that does not fit, and a client that is not there, are both 401. */
async function authorize(op: Op, request: Request): Promise<{ client: Client; token: string }> {
  const token = readBearerOrRefuse(request);
  const handle = readHandle(token, "registration");
  const client = await findClient(op, clientIdIn(op, request));
  const digest = client?.entry.data.registration;
  if (handle === undefined || client === undefined || digest === undefined || client.disabled) throw refused();
  if (!(await matchesDigest(handle.secret, digest))) throw refused();
  return { client, token };
}

function clientIdIn(op: Op, request: Request): string {
  const rest = new URL(request.url).pathname.slice(new URL(op.urls.register).pathname.length + 1);
  try {
    return decodeURIComponent(rest);
  } catch {
    return "";
  }
}

/** RFC 7592 §2.2: what is sent replaces everything; what is left out is gone. */
async function update(op: Op, request: Request, client: Client, token: string): Promise<Response> {
  const { client_id, client_secret, ...body } = await readJsonObject(request, { limit });
  if (client_id !== client.client_id) throw invalidClientMetadata("client_id must be the client's own");
  for (const name of [
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
  ]) {
    if (body[name] !== undefined) throw invalidClientMetadata(`${name} must not be sent`);
  }
  const { introspects: _, ...metadata } = body;
  const limited = policyOf(op).limit?.(metadata as ClientMetadata) ?? metadata;
  const now = op.now();
  let made: string | undefined;
  const changed = await changeClient(op, client.client_id, async (current) => {
    made = undefined;
    if (client_secret !== undefined && !(await isOwnSecret(current, client_secret, now))) {
      throw invalidClientMetadata("client_secret must be the client's own");
    }
    const data = withMetadata(op, current, limited as ClientMetadata);
    // A public client that becomes confidential needs something to prove.
    if (data.metadata.token_endpoint_auth_method === "none" || data.secrets.length > 0) return data;
    const withSecret = await withNewSecret(data, now);
    made = withSecret.client_secret;
    return withSecret.data;
  });
  if (changed === undefined) throw refused();
  return jsonResponse(describe(op, changed, token, made));
}

async function isOwnSecret(client: Client, secret: unknown, now: number): Promise<boolean> {
  if (typeof secret !== "string") return false;
  const live = client.entry.data.secrets.filter(({ expiresAt }) => expiresAt === undefined || expiresAt > now);
  return (await Promise.all(live.map(({ digest }) => matchesDigest(secret, digest)))).includes(true);
}

/**
 * RFC 7591 §3.2.1, RFC 7592 §3. The secret can be told only when it is made; the registration token is the one
 * presented.
 */
function describe(op: Op, client: Client, token: string, client_secret?: string): Record<string, unknown> {
  return {
    ...client.metadata,
    client_id_issued_at: Math.floor(client.entry.data.createdAt / 1000),
    ...(client_secret === undefined ? {} : { client_secret }),
    ...(client.confidential ? { client_secret_expires_at: 0 } : {}),
    registration_access_token: token,
    registration_client_uri: `${op.urls.register}/${encodeURIComponent(client.client_id)}`,
  };
}
