/**
 * A provider in process for the specification files: memory store, a clock that stands still until it is moved, clients put
 * straight into the store, and a browser that keeps cookies and follows nothing by itself.
 */

import assert from "node:assert/strict";
import { signJwt } from "@valetkey/protocol/jose";
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import { digestOf } from "@valetkey/protocol/random";
import { insert } from "@valetkey/provider/entries";
import { createKeys } from "@valetkey/provider/keys";
import type { Account, Log } from "@valetkey/provider/op";
import type { Provider, ProviderOptions } from "@valetkey/provider/options";
import { createProvider } from "@valetkey/provider/provider";
import type { Entry, Store } from "@valetkey/store";
import { memoryStore } from "@valetkey/store/memory";

export const issuer = "https://id.test";
export const secret = "a secret of the provider for its tests";
/** RFC 7636 Appendix B. */
export const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
export const challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/** Milliseconds: when the clock stands still. */
export const start = 1_800_000_000_000;

// RSA keys are slow to make: all provider instances of one test process share them.
export const keys = createKeys({ store: memoryStore(), secret, algs: ["RS256", "ES256"], now: () => start });

export interface LogLine {
  readonly level: keyof Log;
  readonly fields: Record<string, unknown>;
  readonly message: string;
}

export interface World {
  readonly provider: Provider;
  readonly store: Store;
  readonly clock: { now: number; advance(seconds: number): void };
  readonly lines: readonly LogLine[];
  /** Accounts by subject: alice and bob, unless changed. */
  readonly people: Map<string, Account>;
  /** Puts a client into the store as an administrator, or a stranger, would have registered it. */
  addClient(client: TestClient): Promise<void>;
  /** Sends a request with the browser's own headers left out. */
  send(url: string, init?: RequestInit): Promise<Response>;
  browser(): Browser;
}

export interface TestClient extends Omit<ClientMetadata, "client_id"> {
  client_id: string;
  client_secret?: string;
  provenance?: "config" | "admin" | "dynamic";
  firstParty?: boolean;
  disabled?: boolean;
}

/** Leaves a grant as the redemption of its code would. */
export async function markRedeemed(store: Store, grant: Entry): Promise<void> {
  const { unredeemed: _, ...data } = grant.data as { unredeemed?: true };
  assert.ok(await store.commit([{ do: "replace", entry: { ...grant, data } }]));
}

/** A client with most things allowed. */
export const rp: TestClient = {
  client_id: "rp",
  client_name: "Photo Printer",
  client_secret: "a client secret with enough entropy 0123456789",
  redirect_uris: ["https://rp.test/cb"],
  post_logout_redirect_uris: ["https://rp.test/bye"],
  grant_types: ["authorization_code", "refresh_token"],
  token_endpoint_auth_method: "client_secret_basic",
};

/** Creates a provider with the client `rp` and the people alice and bob. */
export async function createWorld(options: Partial<ProviderOptions> = {}): Promise<World> {
  const clock = {
    now: start,
    advance(seconds: number) {
      clock.now += seconds * 1000;
    },
  };
  const now = () => clock.now;
  const store = options.store ?? memoryStore({ now });
  const lines: LogLine[] = [];
  const write = (level: keyof Log) => (fields: Record<string, unknown>, message: string) => {
    lines.push({ level, fields, message });
  };
  const people = new Map<string, Account>(
    ["alice", "bob"].map((sub) => [
      sub,
      { sub, claims: { name: sub, email: `${sub}@people.test`, email_verified: true } },
    ]),
  );
  const provider = createProvider({
    issuer,
    store,
    keys,
    accounts: { find: (subject) => people.get(subject) },
    secret,
    now,
    log: { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") },
    ...options,
  });
  const send = async (url: string, init?: RequestInit): Promise<Response> => {
    const response = await provider.handle(new Request(new URL(url, issuer), init), { ip: "192.0.2.1" });
    if (response === undefined) throw new Error(`not a URL of the provider: ${url}`);
    return response;
  };
  const world: World = {
    provider,
    store,
    clock,
    lines,
    people,
    send,
    browser: () => createBrowser(world),
    async addClient({ client_secret, provenance = "admin", firstParty = false, disabled = false, ...metadata }) {
      const secrets = client_secret === undefined ? [] : [{ digest: await digestOf(client_secret) }];
      const data = { metadata, secrets, provenance, firstParty, disabled, createdAt: (options.now ?? now)() };
      const committed = await store.commit([insert("client", { id: metadata.client_id, data })]);
      if (!committed) throw new Error(`the client ${metadata.client_id} is there already`);
    },
  };
  await world.addClient(rp);
  return world;
}

/** Remembers cookies as a browser does. */
export interface Browser {
  readonly cookies: Map<string, { value: string; attributes: string; until: number | undefined }>;
  /** A request of this browser, for the functions that take one. */
  request(url: string, init?: RequestInit): Request;
  /** Takes the cookies of a response. */
  keep(cookies: Response | readonly string[]): void;
  /** Sends a request with the cookies and keeps those of the answer. */
  get(url: string): Promise<Response>;
  post(url: string, form: Record<string, string>, headers?: Record<string, string>): Promise<Response>;
  /** Closes and opens the browser: session cookies are gone. */
  restart(): void;
}

function createBrowser(world: World): Browser {
  const cookies: Browser["cookies"] = new Map();
  const browser: Browser = {
    cookies,
    request(url, init = {}) {
      const headers = new Headers(init.headers);
      const live = [...cookies].filter(([, { until }]) => until === undefined || until > world.clock.now);
      if (live.length > 0) headers.set("cookie", live.map(([name, { value }]) => `${name}=${value}`).join("; "));
      return new Request(new URL(url, issuer), { ...init, headers });
    },
    keep(answer) {
      for (const line of answer instanceof Response ? answer.headers.getSetCookie() : answer) {
        const [, name = "", value = "", attributes = ""] = /^([^=]+)=([^;]*);?\s*(.*)$/.exec(line) ?? [];
        const age = /Max-Age=(-?\d+)/i.exec(attributes)?.[1];
        if (age !== undefined && Number(age) <= 0) cookies.delete(name);
        else
          cookies.set(name, {
            value,
            attributes,
            until: age === undefined ? undefined : world.clock.now + Number(age) * 1000,
          });
      }
    },
    async get(url) {
      return received(await world.provider.handle(browser.request(url)));
    },
    async post(url, form, headers = {}) {
      return received(
        await world.provider.handle(browser.request(url, { method: "POST", body: new URLSearchParams(form), headers })),
      );
    },
    restart() {
      for (const [name, { until }] of cookies) if (until === undefined) cookies.delete(name);
    },
  };
  const received = (response: Response | undefined): Response => {
    if (response === undefined) throw new Error("not a URL of the provider");
    browser.keep(response);
    return response;
  };
  return browser;
}

/** A URL of the authorization endpoint with what `rp` would send; `undefined` leaves a parameter out. */
export function authorizeUrl(changes: Record<string, string | readonly string[] | undefined> = {}): string {
  const url = new URL("/authorize", issuer);
  const parameters = {
    client_id: "rp",
    redirect_uri: "https://rp.test/cb",
    response_type: "code",
    scope: "openid",
    state: "the state",
    code_challenge: challenge,
    code_challenge_method: "S256",
    ...changes,
  };
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of typeof value === "string" ? [value] : (value ?? [])) url.searchParams.append(name, one);
  }
  return url.href;
}

/** Where a redirect leads: status 303, and the parts of its Location. */
export function locationOf(response: Response): { url: URL; page: string; parameters: Record<string, string> } {
  if (response.status !== 303) throw new Error(`expected a redirect with 303, got ${response.status}`);
  const url = new URL(response.headers.get("location") ?? "", issuer);
  const sent = url.hash === "" ? url.searchParams : new URLSearchParams(url.hash.slice(1));
  return { url, page: url.origin + url.pathname, parameters: Object.fromEntries(sent) };
}

/** Signs a person in in a browser, without an interaction. */
export async function signIn(
  world: World,
  browser: Browser,
  subject: string,
  login: { remember?: boolean } = {},
): Promise<void> {
  browser.keep(await world.provider.sessions.start(browser.request("/login"), { subject, ...login }));
}

/** Begins an authorization request and gives the id of the interaction it asks for. */
export async function begin(browser: Browser, changes: Parameters<typeof authorizeUrl>[0] = {}): Promise<string> {
  const { parameters } = locationOf(await browser.get(authorizeUrl(changes)));
  const id = parameters.interaction;
  if (id === undefined) throw new Error(`nothing was asked: ${JSON.stringify(parameters)}`);
  return id;
}

/** Answers an interaction and follows the redirect back to the authorization endpoint. */
export async function answer(
  world: World,
  browser: Browser,
  id: string,
  what: Parameters<Provider["interactions"]["answer"]>[2],
): Promise<Response> {
  const response = await world.provider.interactions.answer(browser.request("/page", { method: "POST" }), id, what);
  browser.keep(response);
  return browser.get(locationOf(response).url.href);
}

/** Gets a code for a person who signs in and allows everything. */
export async function codeFor(
  world: World,
  subject: string,
  changes: Parameters<typeof authorizeUrl>[0] = {},
  browser: Browser = world.browser(),
): Promise<string> {
  await signIn(world, browser, subject);
  let response = await browser.get(authorizeUrl(changes));
  const id = locationOf(response).parameters.interaction;
  if (id !== undefined) response = await answer(world, browser, id, { step: "consent", decision: "allow" });
  const { code } = locationOf(response).parameters;
  if (code === undefined) throw new Error(`no code: ${response.headers.get("location")}`);
  return code;
}

/** Signs an ID token as the provider would: what comes back as `id_token_hint`. */
export async function idToken(claims: Record<string, unknown>, typ?: string): Promise<string> {
  const { kid, key, alg } = await keys.signing("RS256");
  const seconds = start / 1000;
  const all = { iss: issuer, aud: "rp", iat: seconds, exp: seconds + 300, ...claims };
  return signJwt(all, { key, kid, alg, ...(typ === undefined ? {} : { typ }) });
}

/** Checks that a response is the error page and leads nowhere; gives its text. */
export async function errorPageOf(response: Response, status = 400): Promise<string> {
  const text = await response.text();
  const got = `${response.status} ${response.headers.get("content-type")} ${response.headers.get("location")}`;
  if (got !== `${status} text/html; charset=utf-8 null`) throw new Error(`expected an error page, got ${got}: ${text}`);
  return text;
}

/** Gives the data of an entry that must be there. */
export function dataOf<Data>(entry: Entry | undefined): Data {
  if (entry === undefined) throw new Error("expected an entry");
  return entry.data as Data;
}
