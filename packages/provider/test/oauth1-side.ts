/**
 * Applications of OAuth 1.0a, and people who decide for them, for the specification files. Requests are signed here by hand, so that
 * anything about them can be wrong.
 */
import assert from "node:assert/strict";
import { baseString } from "@valetkey/protocol/oauth1/base-string";
import { encodePairs, oauthHeader, parsePairs } from "@valetkey/protocol/oauth1/parameters";
import { type SignatureKey, sign } from "@valetkey/protocol/oauth1/signature";
import { randomToken } from "@valetkey/protocol/random";
import { oauth1 } from "@valetkey/provider/oauth1";
import type { Store } from "@valetkey/store";
import { answer, type Browser, createWorld, issuer, locationOf, signIn, type World } from "./op.ts";

export const callback = "https://bird.test/back?from=valetkey";
export const secret = "a consumer secret with enough entropy & more";
export const api = {
  resource: "https://api.test/",
  scopes: ["statuses:read", "statuses:write"],
  tokens: "opaque",
} as const;

/** What an application is registered with. */
export const bird = {
  client_id: "bird",
  client_name: "Old Bird",
  client_secret: secret,
  redirect_uris: [callback],
  scope: "openid profile statuses:read statuses:write",
  oauth1_signature_methods: ["HMAC-SHA1", "HMAC-SHA256"],
};

export async function birdWorld(
  options: Parameters<typeof createWorld>[0] = {},
  registration: Record<string, unknown> = {},
): Promise<World> {
  const world = await createWorld({ oauth1: oauth1(), resources: [api], ...options });
  await world.provider.clients.add({ ...bird, ...registration }, { provenance: "admin" });
  return world;
}

/** A token as the application has it. */
export interface Credentials {
  readonly oauth_token: string;
  readonly oauth_token_secret: string;
}

export interface Sending {
  readonly method?: string;
  readonly url?: string;
  readonly token?: Credentials | undefined;
  /** Further protocol parameters, or other values of the usual ones; `undefined` leaves one out. */
  readonly protocol?: Readonly<Record<string, string | undefined>>;
  readonly key?: SignatureKey;
  readonly form?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly type?: string;
  readonly placement?: "header" | "query" | "body";
  /** Changes the signature after it was made. */
  readonly spoil?: (signature: string) => string;
}

/** Signs a request as the application would. */
export async function signed(world: World, path: string, sending: Sending = {}): Promise<Request> {
  const { method = "POST", token, key, form, body, type, placement = "header" } = sending;
  const { spoil = (signature: string) => signature } = sending;
  const credentials: SignatureKey = key ?? {
    signature_method: "HMAC-SHA1",
    client_secret: secret,
    token_secret: token?.oauth_token_secret,
  };
  const url = new URL(path, sending.url ?? issuer);
  const protocol = encodePairs({
    oauth_consumer_key: "bird",
    oauth_token: token?.oauth_token,
    oauth_signature_method: credentials.signature_method,
    oauth_timestamp: String(Math.floor(world.clock.now / 1000)),
    oauth_nonce: randomToken(9),
    oauth_version: "1.0",
    ...sending.protocol,
  });
  const sent = form === undefined ? body : new URLSearchParams(form).toString();
  const pairs = form === undefined ? [] : parsePairs(sent ?? "");
  const signature = spoil(await sign(baseString({ method, url, protocol, form: pairs }), credentials));
  const given = Object.hasOwn(sending.protocol ?? {}, "oauth_signature") ? {} : { oauth_signature: signature };
  const all = [...protocol, ...encodePairs(given)];
  const headers = new Headers();
  const asForm = all.map(([name, value]) => `${name}=${value}`).join("&");
  let content = sent;
  if (placement === "header") headers.set("authorization", oauthHeader(all, "Bird"));
  if (placement === "query") url.search = [url.search.slice(1), asForm].filter((part) => part !== "").join("&");
  if (placement === "body") content = [sent ?? "", asForm].filter((part) => part !== "").join("&");
  if (form !== undefined || placement === "body") headers.set("content-type", "application/x-www-form-urlencoded");
  if (type !== undefined) headers.set("content-type", type);
  return new Request(url, { method, headers, ...(content === undefined ? {} : { body: content }) });
}

export async function send(world: World, path: string, sending: Sending = {}): Promise<Response> {
  const response = await world.provider.handle(await signed(world, path, sending), { ip: "192.0.2.7" });
  assert.ok(response, `not a URL of the provider: ${path}`);
  return response;
}

export async function formOf(response: Response, status = 200): Promise<Record<string, string>> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  assert.equal(response.headers.get("content-type"), "application/x-www-form-urlencoded");
  assert.equal(response.headers.get("cache-control"), "no-store");
  return Object.fromEntries(new URLSearchParams(text));
}

/** Checks a refusal: its status, its word in the body and in the challenge. */
export async function refused(response: Response, status: number, problem: string): Promise<Record<string, string>> {
  const form = await formOf(response, status);
  assert.equal(form.oauth_problem, problem, JSON.stringify(form));
  assert.match(
    response.headers.get("www-authenticate") ?? "",
    new RegExp(`^OAuth realm="https://id\\.test", oauth_problem="${problem}"`),
  );
  return form;
}

/** §2.1 */
export async function initiate(world: World, oauth_callback = callback, sending: Sending = {}): Promise<Credentials> {
  const form = await formOf(await send(world, "/oauth1/initiate", { protocol: { oauth_callback }, ...sending }));
  assert.equal(form.oauth_callback_confirmed, "true");
  const { oauth_token = "", oauth_token_secret = "" } = form;
  return { oauth_token, oauth_token_secret };
}

/** §2.2: follows the link to the page that asks; gives the interaction's id. */
export async function arrive(browser: Browser, { oauth_token }: Pick<Credentials, "oauth_token">): Promise<string> {
  const begun = await browser.get(`/oauth1/authorize?oauth_token=${encodeURIComponent(oauth_token)}`);
  const { interaction } = locationOf(await browser.get(locationOf(begun).url.href)).parameters;
  assert.ok(interaction);
  return interaction;
}

/** Signs in and decides; gives where the browser is sent. */
export async function decide(
  world: World,
  temporary: Credentials,
  decision: "allow" | "deny" | readonly string[] = "allow",
  { browser = world.browser(), subject = "alice" } = {},
): Promise<{ page: string; parameters: Record<string, string> }> {
  await signIn(world, browser, subject);
  const id = await arrive(browser, temporary);
  const scopes = typeof decision === "string" ? {} : { scopes: decision };
  const what = decision === "deny" ? "deny" : "allow";
  return locationOf(await answer(world, browser, id, { step: "consent", decision: what, ...scopes }));
}

/** The verifier in what came back; empty if there is none. */
export const verifierOf = (parameters: Record<string, string>): string => parameters.oauth_verifier ?? "";

export const exchange = (world: World, token: Credentials, oauth_verifier: string | undefined, sending: Sending = {}) =>
  send(world, "/oauth1/token", { token, protocol: { oauth_verifier, ...sending.protocol }, ...sending });

/** All three legs: a token of alice. */
export async function connect(
  world: World,
  decision: Parameters<typeof decide>[2] = "allow",
  more: Parameters<typeof decide>[3] = {},
): Promise<Credentials> {
  const temporary = await initiate(world);
  const { parameters } = await decide(world, temporary, decision, more);
  const form = await formOf(await exchange(world, temporary, parameters.oauth_verifier));
  const { oauth_token = "", oauth_token_secret = "" } = form;
  return { oauth_token, oauth_token_secret };
}

export const userinfo = (world: World, token: Credentials | undefined, sending: Sending = {}) =>
  send(world, "/userinfo", { method: "GET", token, ...sending });

/** A store for a second world beside the first: the client `rp`, which every world begins with, is there already. */
export const overlaid = (store: Store): Store => ({
  get: (kind, id) => store.get(kind, id),
  list: (kind, filter) => store.list(kind, filter),
  sweep: () => store.sweep(),
  commit: async (changes) => (await store.commit(changes)) || changes.every(({ entry }) => entry.id === "rp"),
});
