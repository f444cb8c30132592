/**
 * Requests of clients and resource servers for the specification files: no browser, only forms and headers.
 */
import assert from "node:assert/strict";
import { basicHeader } from "@valetkey/protocol/authorization-header";
import type { TokenResponse } from "@valetkey/protocol/metadata";
import { type authorizeUrl, codeFor, issuer, rp, type TestClient, verifier, type World } from "./op.ts";

export type Fields = Readonly<Record<string, string | readonly string[] | undefined>>;

/** A public client. */
export const pub: TestClient = {
  client_id: "pub",
  redirect_uris: ["https://pub.test/cb"],
  grant_types: ["authorization_code", "refresh_token"],
  token_endpoint_auth_method: "none",
};

/** A confidential client that is not `rp`. */
export const other: TestClient = {
  ...rp,
  client_id: "other",
  client_secret: "another client's secret, just as long as the first",
};

/** A client that acts on its own behalf. */
export const service: TestClient = {
  client_id: "svc",
  client_secret: "the secret of a service that nobody will guess",
  grant_types: ["client_credentials"],
  response_types: [],
  scope: "api:read openid profile offline_access",
  token_endpoint_auth_method: "client_secret_basic",
};

export const api = { resource: "https://api.test/", scopes: ["api:read", "api:write"], tokens: "opaque" } as const;
export const signedApi = { resource: "https://signed.test/", scopes: ["signed:read"], tokens: "at+jwt" } as const;

/** Posts a form as a client: with Basic if it has a secret, with client_id alone if not. */
export async function post(
  world: World,
  path: string,
  fields: Fields,
  client: TestClient | undefined = rp,
  ip = "192.0.2.7",
): Promise<Response> {
  const body = new URLSearchParams();
  const all: Fields = client.client_secret === undefined ? { client_id: client.client_id, ...fields } : fields;
  for (const [name, value] of Object.entries(all)) {
    for (const one of typeof value === "string" ? [value] : (value ?? [])) body.append(name, one);
  }
  const headers: Record<string, string> =
    client.client_secret === undefined ? {} : { authorization: basicHeader(client.client_id, client.client_secret) };
  return sendAs(world, path, { method: "POST", body, headers }, ip);
}

/** Sends any request from an address. */
export async function sendAs(world: World, path: string, init: RequestInit, ip = "192.0.2.7"): Promise<Response> {
  const response = await world.provider.handle(new Request(new URL(path, issuer), init), { ip });
  if (response === undefined) throw new Error(`not a URL of the provider: ${path}`);
  return response;
}

/** Redeems a code with what belongs to it; `changes` replace parameters, `undefined` leaves one out. */
export function redeem(world: World, code: string, changes: Fields = {}, client: TestClient = rp): Promise<Response> {
  const redirect_uri = redirectUriOf(client);
  return post(
    world,
    "/token",
    { grant_type: "authorization_code", code, redirect_uri, code_verifier: verifier, ...changes },
    client,
  );
}

export function refresh(
  world: World,
  refresh_token: string | undefined,
  changes: Fields = {},
  client: TestClient = rp,
): Promise<Response> {
  return post(world, "/token", { grant_type: "refresh_token", refresh_token, ...changes }, client);
}

/** Signs somebody in, has them allow everything, and redeems the code. */
export async function tokensFor(
  world: World,
  changes: Parameters<typeof authorizeUrl>[0] = {},
  client: TestClient = rp,
  subject = "alice",
): Promise<TokenResponse> {
  const redirect_uri = redirectUriOf(client);
  const code = await codeFor(world, subject, { client_id: client.client_id, redirect_uri, ...changes });
  return tokensOf(await redeem(world, code, {}, client));
}

const redirectUriOf = ({ redirect_uris }: TestClient) => (redirect_uris as readonly string[] | undefined)?.[0];

/** Reads a successful token response. */
export async function tokensOf(response: Response): Promise<TokenResponse> {
  const body = await response.json();
  assert.equal(response.status, 200, JSON.stringify(body));
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.equal(response.headers.get("content-type"), "application/json");
  return body as TokenResponse;
}

/** Checks that a response is this error, in JSON, and never cached; gives its description. */
export async function assertError(
  response: Response,
  error: string,
  status = error === "invalid_client" ? 401 : 400,
): Promise<string> {
  const body = (await response.json()) as { error: string; error_description: string };
  assert.deepEqual({ status: response.status, error: body.error }, { status, error }, body.error_description);
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.equal(response.headers.get("content-type"), "application/json");
  return body.error_description;
}

export async function isActive(world: World, token: string | undefined): Promise<boolean> {
  return (await world.provider.tokens.read(token ?? "")) !== undefined;
}

/** Which of these are active, as a text: `access refresh`. */
export async function activeOf(world: World, { access_token, refresh_token }: Partial<TokenResponse>): Promise<string> {
  const active = [
    (await isActive(world, access_token)) && "access",
    (await isActive(world, refresh_token)) && "refresh",
  ];
  return active.filter((one) => one !== false).join(" ");
}

export function userinfo(world: World, token: string): Promise<Response> {
  return sendAs(world, "/userinfo", { headers: { authorization: `Bearer ${token}` } });
}

/** Claims of a JWT, unverified. */
export function claimsOf(jwt: string | undefined): Record<string, unknown> {
  return JSON.parse(Buffer.from((jwt ?? "").split(".")[1] ?? "", "base64url").toString()) as Record<string, unknown>;
}

/** Everything the store holds of some kinds, to see that nothing changed. */
export async function snapshot(world: World, ...kinds: string[]): Promise<string> {
  return JSON.stringify(await Promise.all(kinds.map((kind) => world.store.list(kind, { limit: 1000 }))));
}
