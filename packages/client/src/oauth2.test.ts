/**
 * Signing in by plain OAuth 2: no discovery, no ID token, an API that says who it is; and what a hostile service gets out of it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Browser, type HostileIssuer, startIssuer } from "./lib/hostile-issuer.test.ts";
import { type Act, startApp } from "./lib/test-app.test.ts";
import { type OAuth2Options, oauth2 } from "./oauth2.ts";

const forge = (issuer: HostileIssuer, options: Partial<OAuth2Options> = {}) =>
  oauth2("forge", {
    authorization_endpoint: `${issuer.url}/authorize`,
    token_endpoint: `${issuer.url}/token`,
    revocation_endpoint: `${issuer.url}/revoke`,
    client_id: "app",
    client_secret: "app secret",
    scope: "user:read repo",
    api: `${issuer.url}/`,
    profile: async (api) => {
      const me = await api.json("/userinfo");
      return { id: String(me.sub), name: String(me.name), username: "al", email: String(me.email), claims: me };
    },
    ...options,
  });

async function signIn(issuer: HostileIssuer, options: Partial<OAuth2Options> = {}, act?: Act) {
  const app = await startApp(issuer.url, {
    providers: [forge(issuer, options)],
    ...(act === undefined ? {} : { act }),
  });
  const browser = new Browser();
  const page = await browser.follow(`${app.url}/auth/login/forge?returnTo=/me`);
  return { app, browser, page, text: await page.text() };
}

test("a service without ID tokens signs people in by its API, with PKCE, and its tokens refresh (RFC 6749 §4.1)", async () => {
  await using issuer = await startIssuer();
  issuer.expiresIn = 1;
  const act: Act = async (auth) => ({
    status: (await auth.fetch("forge", "/api/repos")).status,
    accounts: await auth.accounts(),
    issuer: auth.issuer,
  });
  const { app, browser, page, text } = await signIn(issuer, {}, act);
  await using _ = app;
  assert.equal(page.status, 200, text);
  const user = JSON.parse(text) as Record<string, unknown>;
  assert.equal(user.sub, "alice");
  assert.equal(user.username, "al");
  assert.equal(user.email, "alice@example.test");
  assert.equal(user.email_verified, undefined, "nobody said that the address is verified");
  assert.ok(issuer.tokenRequests[0]?.get("code_verifier"), "PKCE is used");
  assert.ok(!issuer.paths.includes("/.well-known/openid-configuration"), "nothing is discovered");
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const acted = (await (await browser.get(`${app.url}/act`)).json()) as Record<string, unknown>;
  assert.equal(acted.status, 200);
  assert.equal(acted.issuer, issuer.url);
  assert.equal(issuer.tokenRequests.filter((form) => form.get("grant_type") === "refresh_token").length, 1);
});

test("parameters, headers, separators and answers follow the service's ways, and never replace ours", async () => {
  await using issuer = await startIssuer();
  const seen: URLSearchParams[] = [];
  const headers: (string | null)[] = [];
  issuer.mischief.authorization = () => undefined;
  issuer.mischief.token = (good) => ({ data: { ...good, token_type: undefined, scope: "user:read,repo" } });
  const app = await startApp(issuer.url, {
    fetch: async (url, init) => {
      headers.push(new Headers(init?.headers).get("x-client"));
      return fetch(url, init);
    },
    act: (auth) => auth.accounts(),
    providers: [
      forge(issuer, {
        scope_separator: ",",
        client_secret: async () => "made just now",
        token_endpoint_auth_method: "client_secret_post",
        authorization_params: ({ client_id }) => ({ client_key: client_id, state: "mine", access_type: "offline" }),
        token_params: { grant_type: "mine", audience: "x" },
        headers: ({ client_id }) => ({ "X-Client": client_id }),
        readTokens: (answer) => ({ ...(answer.data as object), token_type: "Bearer" }),
      }),
    ],
  });
  await using _ = app;
  const browser = new Browser();
  const left = await browser.get(`${app.url}/auth/login/forge`);
  const url = new URL(left.headers.get("location") ?? "");
  seen.push(url.searchParams);
  assert.equal(url.searchParams.get("client_key"), "app");
  assert.equal(url.searchParams.get("access_type"), "offline");
  assert.notEqual(url.searchParams.get("state"), "mine");
  assert.equal(url.searchParams.get("scope"), "user:read,repo");
  assert.equal(url.searchParams.get("nonce"), null);
  const page = await browser.follow(url.href);
  assert.equal(page.status, 200);
  const [form] = issuer.tokenRequests;
  assert.equal(form?.get("grant_type"), "authorization_code");
  assert.equal(form?.get("audience"), "x");
  assert.equal(form?.get("client_secret"), "made just now");
  assert.ok(headers.includes("app"), "the API gets the header");
  const [account] = (await (await browser.get(`${app.url}/act`)).json()) as { scope: string[] }[];
  assert.deepEqual(account?.scope, ["user:read", "repo"]);
});

test("PKCE is left out only where the configuration says that the service has none", async () => {
  await using issuer = await startIssuer();
  const app = await startApp(issuer.url, { providers: [forge(issuer, { code_challenge_methods_supported: [] })] });
  await using _ = app;
  const left = await new Browser().get(`${app.url}/auth/login/forge`);
  assert.equal(new URL(left.headers.get("location") ?? "").searchParams.get("code_challenge"), null);
});

test("an iss that the service sends must be the issuer's, announced or not (RFC 9207 §2.4)", async () => {
  await using issuer = await startIssuer();
  issuer.mischief.authorization = (parameters) => parameters.set("iss", "https://evil.example");
  const { app, page, text } = await signIn(issuer);
  await using _ = app;
  assert.equal(page.status, 400);
  assert.match(text, /issuer_mismatch/);
  assert.equal(issuer.tokenRequests.length, 0, "no code is sent anywhere");
});

test("a profile that does not say who it is signs nobody in", async () => {
  await using issuer = await startIssuer();
  const bad: [string, Partial<OAuth2Options>][] = [
    ["no id", { profile: async (api) => ({ id: String((await api.json("/userinfo")).uid), claims: {} }) }],
    ["an empty id", { profile: async () => ({ id: " ", claims: {} }) }],
    ["a number", { profile: async () => ({ id: 7 as unknown as string, claims: {} }) }],
    ["an exception", { profile: async () => Promise.reject(new Error("no such member")) }],
    [
      "a list instead of an object",
      { profile: async (api) => ({ id: `${(await api.list("/userinfo"))[0]}`, claims: {} }) },
    ],
    ["an answer of 404", { profile: async (api) => ({ id: `${(await api.json("/nothing")).id}`, claims: {} }) }],
  ];
  for (const [what, options] of bad) {
    const { app, page, text } = await signIn(issuer, options);
    await using _ = app;
    assert.equal(page.status, 502, what);
    assert.match(text, /userinfo_invalid/, what);
  }
});

test("a profile function cannot send the token to another server (RFC 9700 §4.9)", async () => {
  await using issuer = await startIssuer();
  await using other = await startIssuer();
  const { app, text } = await signIn(issuer, {
    profile: async (api) => ({ id: `${(await api.json(`${other.url}/api`)).id}`, claims: {} }),
  });
  await using _ = app;
  assert.match(text, /url_not_allowed/);
  assert.deepEqual(other.paths, []);
});

test("mistakes in the options are refused at once, by name", () => {
  const options = {
    authorization_endpoint: "https://forge.example/a",
    token_endpoint: "https://forge.example/t",
    profile: async () => ({ id: "1", claims: {} }),
  };
  const bad: [Partial<OAuth2Options>, RegExp][] = [
    [{ authorization_endpoint: "http://forge.example/a" }, /authorization_endpoint/],
    [{ token_endpoint: undefined as unknown as string }, /token_endpoint/],
    [{ revocation_endpoint: "javascript:alert(1)" }, /revocation_endpoint/],
    [{ api: "https://forge.example/?x" }, /api/],
    [{ resource: ["ftp://x"] }, /resource/],
    [{ issuer: "https://forge.example/#x" }, /issuer/],
    [{ code_challenge_methods_supported: ["plain"] }, /S256/],
  ];
  for (const [change, message] of bad) {
    assert.throws(() => oauth2("forge", { ...options, ...change }), { code: "configuration_invalid", message });
  }
  assert.throws(() => oauth2("For ge", options), { code: "configuration_invalid" });
  assert.equal(oauth2("forge", options).issuer, "https://forge.example");
});
