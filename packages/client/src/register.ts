/**
 * Registers the client with an issuer, and manages what was registered.
 *
 * RFC 7591 §3 (registration), RFC 7592 §2 (reading, updating, deleting), OpenID Connect Registration §3 and §4.
 * Guarantees that the token which manages a registration goes to the address that came with it, and only if it is https.
 */
import type { ClientMetadata, ServerMetadata } from "@valetkey/protocol/metadata";
import { type Fetch, readJsonObject } from "@valetkey/protocol/read-json";
import { ClientError } from "./client-error.ts";
import { ask } from "./lib/ask.ts";
import { endpointOf } from "./lib/endpoint.ts";
import { secondsMember, textMember, unusable } from "./lib/post-for-json.ts";
import { refusal } from "./lib/refusal.ts";
import { readSecureUrl } from "./lib/secure-url.ts";

export interface Registration {
  readonly metadata: ServerMetadata;
  /** What the client says about itself. The issuer may change it: see the answer. */
  readonly client: ClientMetadata;
  /** If registration is not open to everybody. */
  readonly initial_access_token?: string;
  readonly fetch?: Fetch;
}

/** A client as it was registered: to be kept, the secrets as secrets. */
export interface RegisteredClient {
  readonly client_id: string;
  readonly client_secret?: string;
  /** Milliseconds since the epoch; absent: the secret does not expire. */
  readonly secretExpiresAt?: number;
  /** Both, or neither: then the registration cannot be managed (RFC 7592 §3). */
  readonly management?: { readonly registration_client_uri: string; readonly registration_access_token: string };
  /** The registered metadata, as answered. */
  readonly client: ClientMetadata;
}

/** Registers a client. A refusal is `authorization_refused` with the issuer's `error`, e.g. `invalid_redirect_uri`. */
export async function registerClient(registration: Registration): Promise<RegisteredClient> {
  const { metadata, client, initial_access_token, fetch } = registration;
  const url = endpointOf(metadata, "registration_endpoint");
  const body = await send(fetch, url, { method: "POST", token: initial_access_token, json: client });
  return readRegistered(body, metadata.issuer.startsWith("http:"));
}

/** A registration to manage. */
export interface Managed {
  readonly registered: RegisteredClient;
  readonly fetch?: Fetch;
}

/** Reads what is registered now; secret and token may have been renewed, and the former ones are then over. */
export async function readRegistration({ registered, fetch }: Managed): Promise<RegisteredClient> {
  const { url, token, isLocal } = managementOf(registered);
  return readRegistered(await send(fetch, url, { method: "GET", token }), isLocal, registered);
}

/** Replaces what is registered: members that are left out are removed (RFC 7592 §2.2). */
export async function updateRegistration(
  update: Managed & { readonly client: ClientMetadata },
): Promise<RegisteredClient> {
  const { registered, fetch } = update;
  const { url, token, isLocal } = managementOf(registered);
  const { client_id, client_secret } = registered;
  const json: ClientMetadata = {
    ...update.client,
    client_id,
    ...(client_secret === undefined ? {} : { client_secret }),
  };
  // §2.2: what the server alone decides must not be sent back.
  for (const name of notSentBack) delete json[name];
  return readRegistered(await send(fetch, url, { method: "PUT", token, json }), isLocal, registered);
}

/** Ends a registration. */
export async function deleteRegistration({ registered, fetch }: Managed): Promise<void> {
  const { url, token } = managementOf(registered);
  await send(fetch, url, { method: "DELETE", token });
}

const notSentBack = [
  "registration_access_token",
  "registration_client_uri",
  "client_secret_expires_at",
  "client_id_issued_at",
];

function managementOf({ management }: RegisteredClient): { url: string; token: string; isLocal: boolean } {
  if (management === undefined) throw new ClientError("configuration_invalid", "this registration cannot be managed");
  const { registration_client_uri: url, registration_access_token: token } = management;
  return { url, token, isLocal: url.startsWith("http:") };
}

async function send(
  fetch: Fetch = globalThis.fetch,
  url: string,
  request: { readonly method: string; readonly token?: string | undefined; readonly json?: ClientMetadata },
): Promise<Record<string, unknown>> {
  const { method, token, json } = request;
  const headers = new Headers({ Accept: "application/json" });
  if (token !== undefined) headers.set("Authorization", `Bearer ${token}`);
  if (json !== undefined) headers.set("Content-Type", "application/json");
  const init = { method, headers, ...(json === undefined ? {} : { body: JSON.stringify(json) }) };
  const { response, text } = await ask(fetch, url, init, "token_response_invalid");
  if (response.status === 204 && method === "DELETE") return {};
  let body: Record<string, unknown> = {};
  try {
    if (text !== "" || response.ok) body = await readJsonObject(new Response(text));
  } catch (cause) {
    throw unusable(`the registration endpoint answered ${response.status} without a JSON object`, cause);
  }
  // RFC 7591 §3.2.2 is 400 with an error; RFC 7592 §2 adds 401 and 403, whose bodies say nothing that counts.
  if (!response.ok || typeof body.error === "string") {
    throw refusal("authorization_refused", "registration endpoint", { error: `HTTP ${response.status}`, ...body });
  }
  return body;
}

function readRegistered(body: Record<string, unknown>, isLocal: boolean, former?: RegisteredClient): RegisteredClient {
  const client_id = textMember(body, "client_id", 2048);
  if (former !== undefined && former.client_id !== client_id) throw unusable("the answer is about another client");
  const client_secret = body.client_secret === undefined ? former?.client_secret : textMember(body, "client_secret");
  const expires = secondsMember(body, "client_secret_expires_at", { longest: 2 ** 40, missing: 0 });
  const uri = body.registration_client_uri ?? former?.management?.registration_client_uri;
  const token = body.registration_access_token ?? former?.management?.registration_access_token;
  if (uri !== undefined && readSecureUrl(uri, isLocal) === undefined)
    throw unusable("registration_client_uri is unsafe");
  const management =
    typeof uri === "string" && typeof token === "string" && token !== ""
      ? { management: { registration_client_uri: uri, registration_access_token: token } }
      : {};
  return {
    client_id,
    ...(client_secret === undefined ? {} : { client_secret }),
    ...(client_secret === undefined || expires === 0 ? {} : { secretExpiresAt: expires * 1000 }),
    ...management,
    client: body as ClientMetadata,
  };
}
