/**
 * Dynamic client registration and its management (RFC 7591 §3, RFC 7592 §2, OpenID Connect Registration §3 and §4).
 *
 * Guarantees that whoever registers gets what a stranger may have and no more, and that only the holder of a client's
 * registration access token reads, changes or deletes it: an unknown client and a wrong token are the same answer.
 */
import { invalidClientMetadata, invalidSoftwareStatement } from "@valetkey/protocol/errors";
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import { createHandle, matchesDigest, readHandle } from "@valetkey/protocol/random";
import { readJsonObject } from "@valetkey/protocol/read-json";
import { changeClient, registerClient, removeClient, withMetadata, withNewSecret } from "../client-registry.ts";
import { secretKindOf } from "../client-secrets.ts";
import { type Client, findClient } from "../clients.ts";
import { checkFlood } from "../flood.ts";
import { jsonResponse } from "../lib/json-response.ts";
import { choose } from "../metadata-choices.ts";
import type { Op, Peer, RegistrationPolicy } from "../op.ts";
import { readBearerOrRefuse, refused } from "../registration-policy.ts";
import { readVerified, verifyStatement } from "../software-statements.ts";

const limit = 65_536;

/** Answers `POST /register`: 201 with the client as it was registered. */
export async function registerEndpoint(op: Op, request: Request, peer: Peer): Promise<Response> {
  const policy = policyOf(op);
  const now = op.now();
  // What is refused is counted as well: this server may have called others to find out.
  await checkFlood(op, peer);
  const changes = await policy.authorize(op, request, peer);
  const { metadata, statement } = await readMetadata(op, await readJsonObject(request, { limit }));
  const { id, handle, digest } = await createHandle("registration", now);
  const ending = policy.unusedTtl === undefined ? {} : { expiresAt: now + policy.unusedTtl * 1000 };
  const registered = await registerClient(op, metadata, {
    provenance: "dynamic",
    statement,
    secretUntil: secretUntil(policy, now),
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

const secretUntil = ({ secretLifetime }: RegistrationPolicy, now: number): number | undefined =>
  secretLifetime === undefined ? undefined : now + secretLifetime * 1000;

/**
 * What a stranger may say: ids, secrets and extensions are ours to give, and what somebody who is trusted says of the program
 * wins (§2.3). `current`: the statement the client registered with, which it does not get rid of by leaving it out.
 */
async function readMetadata(
  op: Op,
  body: Readonly<Record<string, unknown>>,
  current?: string,
): Promise<{ readonly metadata: ClientMetadata; readonly statement: string | undefined }> {
  const policy = policyOf(op);
  const { client_id: _, client_secret: __, introspects: ___, software_statement, ...said } = body;
  const statement = software_statement ?? current;
  const signed = statement === undefined ? {} : await readStatement(op, policy, statement, current);
  if (statement === undefined && policy.statements?.required === true)
    throw invalidSoftwareStatement("a software_statement is needed to register here");
  const metadata = choose(op, { ...said, ...signed }) as ClientMetadata;
  // Nothing is known of the members yet but that they are JSON: the policy and checkClient look at each.
  return { metadata: policy.limit?.(metadata) ?? metadata, statement: statement as string | undefined };
}

function readStatement(op: Op, { statements }: RegistrationPolicy, statement: unknown, current: string | undefined) {
  if (statement === current && current !== undefined) return readVerified(current);
  if (statements === undefined) throw invalidSoftwareStatement("software statements are not supported");
  return verifyStatement(op, statements, statement);
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
  const { metadata, statement } = await readMetadata(op, body, statementOf(client));
  const now = op.now();
  let made: string | undefined;
  const changed = await changeClient(op, client.client_id, async (current) => {
    made = undefined;
    if (client_secret !== undefined && !(await isOwnSecret(current, client_secret, now))) {
      throw invalidClientMetadata("client_secret must be the client's own");
    }
    const data = await withMetadata(op, current, metadata, statement);
    // A client that now has to know a secret, or one of another kind, needs one; so does one whose secret ends soon.
    const [secret] = data.secrets;
    if (secretKindOf(op, data.metadata) === undefined) return data;
    if (secret !== undefined && !endsSoon(policyOf(op), secret.expiresAt, now)) return data;
    const until = secretUntil(policyOf(op), now);
    const withSecret = await withNewSecret(op, data, now, secret?.expiresAt, until);
    made = withSecret.client_secret;
    return withSecret.data;
  });
  if (changed === undefined) throw refused();
  return jsonResponse(describe(op, changed, token, made));
}

function statementOf({ metadata }: Client): string | undefined {
  return typeof metadata.software_statement === "string" ? metadata.software_statement : undefined;
}

function endsSoon({ secretLifetime = 0 }: RegistrationPolicy, expiresAt: number | undefined, now: number): boolean {
  return expiresAt !== undefined && expiresAt - now < secretLifetime * 500;
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
  const [secret] = client.entry.data.secrets;
  return {
    ...client.metadata,
    client_id_issued_at: Math.floor(client.entry.data.createdAt / 1000),
    ...(client_secret === undefined ? {} : { client_secret }),
    ...(secret === undefined ? {} : { client_secret_expires_at: Math.floor((secret.expiresAt ?? 0) / 1000) }),
    registration_access_token: token,
    registration_client_uri: `${op.urls.register}/${encodeURIComponent(client.client_id)}`,
  };
}
