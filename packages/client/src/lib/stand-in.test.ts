/**
 * A server on loopback that stands in for a provider: it answers for the provider's real addresses, as its documentation says it
 * would. The application's `fetch` leads there, everything else is as in use, from the sign-in link to the session.
 */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { generateKey, type SigningKey, signJwt } from "@valetkey/protocol/jose";
import { sendResponse, toRequest } from "@valetkey/protocol/node-http";
import { memoryStore } from "@valetkey/store/memory";
import type { User } from "../auth.ts";
import { createOAuth } from "../create-oauth.ts";
import { presets } from "../preset-list.ts";
import type { Provider } from "../provider.ts";
import type { Tokens } from "../token-request.ts";
import { recordingLog } from "./test-app.test.ts";

type Json = Readonly<Record<string, unknown>>;

/** What the provider was asked. */
export interface Asked {
  readonly headers: Headers;
  readonly body: string;
  /** The body, or else the query. */
  readonly form: URLSearchParams;
  /** The authorization request this belongs to. */
  readonly authorization: URLSearchParams;
}

/** A JSON document, a text (a form), or a function of the request that gives one. */
type Told = Json | readonly unknown[] | string | Response;
export type Answer = Told | ((asked: Asked) => Told | Promise<Told>);

export interface Script {
  /** By method and address, e.g. `POST https://id.example/token`. Anything else is 404. */
  readonly answers: Readonly<Record<string, Answer>>;
  /** Further parameters of the answer that comes through the browser. */
  readonly callback?: Readonly<Record<string, string>>;
}

export interface SignedIn {
  /** Absent: the sign-in failed. */
  readonly user?: User;
  readonly tokens?: Tokens;
  readonly issuer?: string;
  /** Code of the failure. */
  readonly failure?: string;
  readonly authorization: URL;
  /** By method and address. */
  readonly asked: ReadonlyMap<string, Asked>;
}

const app = "https://app.example";

/** Signs somebody in with a provider that answers as the script says. */
export async function signInWith(provider: Provider, { answers, callback = {} }: Script): Promise<SignedIn> {
  const asked = new Map<string, Asked>();
  let authorization = new URLSearchParams();
  const server = createServer(async (req, res) => {
    const request = await toRequest(req, { origin: "http://loopback" });
    const at = new URL(request.url);
    const address = `${request.method} https:/${at.pathname}`;
    const body = await request.text();
    const form = new URLSearchParams(body === "" ? at.search : body);
    const one: Asked = { headers: request.headers, body, form, authorization };
    asked.set(address, one);
    const answer = answers[address] ?? new Response(null, { status: 404 });
    const told = typeof answer === "function" ? await answer(one) : answer;
    await sendResponse(
      res,
      told instanceof Response ? told : typeof told === "string" ? new Response(told) : Response.json(told),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const { log, lines } = recordingLog();
  let seen: { tokens: Tokens; issuer: string } | undefined;
  const oauth = createOAuth({
    providers: [provider],
    baseUrl: app,
    secret: "a secret for tests that is long enough",
    store: memoryStore(),
    log,
    // The provider's own addresses, served from here.
    fetch: (url, init) => fetch(`http://127.0.0.1:${port}/${String(url).replace("https://", "")}`, init),
    onSignIn: (_, tokens, { issuer }) => {
      seen = { tokens, issuer };
    },
  });
  try {
    const start = await oauth.handle(new Request(`${app}/auth/login/${provider.name}`));
    const target = new URL(start?.headers.get("location") ?? "https://nowhere.example");
    authorization = target.searchParams;
    const transaction = cookiesOf(start);
    const answer =
      provider.kind === "oauth1"
        ? { oauth_token: authorization.get("oauth_token") ?? "", oauth_verifier: "the-verifier" }
        : { code: "the-code", state: authorization.get("state") ?? "" };
    const parameters = new URLSearchParams({ ...answer, ...callback });
    const back = `${app}/auth/callback/${provider.name}`;
    const posted = provider.kind !== "oauth1" && provider.response_mode === "form_post";
    const arrival = posted
      ? new Request(back, { method: "POST", headers: { Cookie: transaction }, body: parameters })
      : new Request(`${back}?${parameters}`, { headers: { Cookie: transaction } });
    const arrived = await oauth.handle(arrival);
    const session = await oauth.session(new Request(app, { headers: { Cookie: cookiesOf(arrived) } }));
    const failure = lines.map(({ fields }) => (fields.err as { code?: string } | undefined)?.code).find((code) => code);
    return {
      ...(session === null ? {} : { user: session.user }),
      ...seen,
      ...(failure === undefined ? {} : { failure }),
      authorization: target,
      asked,
    };
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const cookiesOf = (response: Response | undefined): string =>
  (response?.headers.getSetCookie() ?? []).map((line) => line.split(";")[0]).join("; ");

/** A preset's documented answers, and the person in them. */
export interface Documented extends Script {
  readonly provider: Provider;
  /** Where the shape of the answers is documented. */
  readonly source: string;
  /** Exactly this, of `sub`, `name`, `username`, `email`, `email_verified`. */
  readonly user: Partial<User> & { readonly sub: string };
}

/** Tests that each provider's documented answers sign the right person in. */
export function testDocumented(list: readonly Documented[]): void {
  for (const { provider, source, user: expected, ...script } of list) {
    test(`${provider.label} (${provider.name}): the documented answers sign the person in (${source})`, async () => {
      const { user, failure, asked } = await signInWith(provider, script);
      assert.ok(user, `no sign-in: ${failure}; asked ${[...asked.keys()].join(", ")}`);
      const { sub, name, username, email, email_verified } = user;
      const got = Object.entries({ sub, name, username, email, email_verified }).filter(
        ([, value]) => value !== undefined,
      );
      assert.deepEqual(Object.fromEntries(got), expected);
      const about = presets.find((preset) => preset.name === provider.name);
      if (about !== undefined) checkEmail(about.email, user);
    });
  }
}

/** What a preset says about addresses is what it does. */
function checkEmail(says: (typeof presets)[number]["email"], { email, email_verified }: User): void {
  if (says === "none") assert.equal(email, undefined);
  else if (email === undefined) assert.equal(email_verified, undefined);
  else if (says === "verified only") assert.equal(email_verified, true);
  else if (says === "not said") assert.equal(email_verified, undefined);
  else if (says === "not verified") assert.equal(email_verified, false);
}

/** Credentials for tests. */
export const registered = { client_id: "app", client_secret: "app secret" };

/** A token answer as RFC 6749 §5.1 has it. */
export const plain = { access_token: "at-1", token_type: "Bearer", expires_in: 3600 };

const keys = new Map<string, Promise<SigningKey>>();

/** The answers of an OpenID Connect issuer: discovery, keys, and a token answer with an ID token that holds `claims`. */
export function openId(
  issuer: string,
  claims: Json & { readonly sub: string },
  more: { readonly alg?: "RS256" | "ES256" | "ES384"; readonly discovery?: Json; readonly userinfo?: Json } = {},
): Record<string, Answer> {
  const { alg = "RS256", discovery = {}, userinfo } = more;
  if (!keys.has(alg)) keys.set(alg, generateKey(alg));
  const key = keys.get(alg) as Promise<SigningKey>;
  const at = (path: string) => `${issuer.replace(/\/$/, "")}/${path}`;
  const document = {
    issuer,
    authorization_endpoint: at("authorize"),
    token_endpoint: at("token"),
    jwks_uri: at("jwks"),
    ...(userinfo === undefined ? {} : { userinfo_endpoint: at("userinfo") }),
    code_challenge_methods_supported: ["S256"],
    ...discovery,
  };
  return {
    [`GET ${at(".well-known/openid-configuration")}`]: document,
    [`GET ${at("jwks")}`]: async () => ({ keys: [(await key).publicJwk] }),
    [`POST ${document.token_endpoint}`]: async ({ authorization }) => {
      const { kid, privateJwk } = await key;
      const iat = Math.floor(Date.now() / 1000);
      const base = { iss: issuer, aud: "app", iat, exp: iat + 300, nonce: authorization.get("nonce") };
      return { ...plain, id_token: await signJwt({ ...base, ...claims }, { key: privateJwk, alg, kid }) };
    },
    ...(userinfo === undefined ? {} : { [`GET ${at("userinfo")}`]: userinfo }),
  };
}
