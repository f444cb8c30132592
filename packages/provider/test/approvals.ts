/**
 * Devices, and people who decide for them, for the specification files.
 */
import assert from "node:assert/strict";
import { answer, type Browser, locationOf, signIn, type TestClient, type World } from "./op.ts";
import { type Fields, post } from "./token-side.ts";

export const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code";

/** A public client that may use the device grant. */
export const tv: TestClient = {
  client_id: "tv",
  client_name: "Living Room TV",
  redirect_uris: [],
  grant_types: [deviceGrant, "refresh_token"],
  response_types: [],
  token_endpoint_auth_method: "none",
};

export interface Device {
  readonly device_code: string;
  readonly user_code: string;
  readonly verification_uri: string;
  readonly verification_uri_complete: string;
  readonly expires_in: number;
  readonly interval: number;
}

export async function startDevice(world: World, fields: Fields = {}, client = tv, ip?: string): Promise<Device> {
  const response = await post(world, "/device-authorization", { scope: "openid", ...fields }, client, ip);
  const body = await response.json();
  assert.equal(response.status, 200, JSON.stringify(body));
  assert.equal(response.headers.get("cache-control"), "no-store");
  return body as Device;
}

export function poll(
  world: World,
  { device_code }: { readonly device_code: string },
  fields: Fields = {},
  client = tv,
): Promise<Response> {
  return post(world, "/token", { grant_type: deviceGrant, device_code, ...fields }, client);
}

/** Types a code in a browser; nothing if it was not taken. */
export async function enter(
  world: World,
  browser: Browser,
  user_code: string,
  ip = "192.0.2.9",
): Promise<Response | undefined> {
  const response = await world.provider.approvals.enter(browser.request("/device", { method: "POST" }), user_code, {
    ip,
  });
  if (response !== undefined) browser.keep(response);
  return response;
}

/** Types a code and follows to the page that asks; gives the interaction's id. */
export async function enterAndGo(world: World, browser: Browser, user_code: string): Promise<string> {
  const entered = await enter(world, browser, user_code);
  assert.ok(entered, "the code was not taken");
  return interactionIn(await browser.get(locationOf(entered).url.href));
}

export function interactionIn(response: Response): string {
  const { interaction } = locationOf(response).parameters;
  assert.ok(interaction);
  return interaction;
}

/** A person who signs in, types the code, and decides; gives where the browser ends. */
export async function decide(
  world: World,
  user_code: string,
  decision: "allow" | "deny",
  { browser = world.browser(), subject = "alice" }: { browser?: Browser; subject?: string } = {},
): Promise<string> {
  await signIn(world, browser, subject);
  const id = await enterAndGo(world, browser, user_code);
  const { page, parameters } = locationOf(await answer(world, browser, id, { step: "consent", decision }));
  return `${page}?${new URLSearchParams(parameters)}`;
}
