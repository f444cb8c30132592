/**
 * Our client at a provider that lies on demand: `oauth2-mock-server`, written by others for tests of clients like ours.
 *
 * OpenID Connect Core §3.1.3.7 (each check of the ID token) and §5.3.2, RFC 6749 §4.1, §4.4, §5.1, §5.2 and §6, RFC 7636.
 * The person has a browser without scripts; the application is a bare `node:http` server.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { clientCredentials } from "@valetkey/client/client-credentials";
import { ClientError, type ClientErrorCode } from "@valetkey/client/client-error";
import { oidc } from "@valetkey/client/create-oauth";
import { discover } from "@valetkey/client/discover";
import {
  Events,
  type MutableResponse,
  type MutableToken,
  OAuth2Server,
  type TokenRequestIncomingMessage,
} from "oauth2-mock-server";
import { createBrowser, type PageOf } from "./lib/browser.ts";
import { type ClientApp, startClientApp } from "./lib/client-app.ts";
import { freePort } from "./lib/server.ts";

const credentials = { client_id: "app", client_secret: "a secret of the application" };

describe("our client at oauth2-mock-server", () => {
  const server = new OAuth2Server();
  let issuer = "";
  let app: ClientApp;
  before(async () => {
    await server.issuer.keys.generate("RS256");
    await server.start(await freePort(), "127.0.0.1");
    issuer = server.issuer.url ?? "";
    app = await startClientApp({
      port: await freePort(),
      providers: [oidc("acme", { issuer, ...credentials })],
      api: `${issuer}/userinfo`,
    });
  });
  after(async () => {
    await app?.[Symbol.asyncDispose]();
    await server.stop();
  });

  const { service } = server;
  const browser = () => createBrowser([app.origin, issuer]);
  const signIn = (): Promise<PageOf> => browser().open(`${app.origin}/me?x=1`);

  it("signs in with the code flow and PKCE, and knows who it is from ID token and userinfo", async () => {
    let form: Readonly<Record<string, unknown>> = {};
    service.once(Events.BeforeResponse, (_: MutableResponse, request: TokenRequestIncomingMessage) => {
      form = { ...request.body };
    });
    service.once(Events.BeforeUserinfo, (answer: MutableResponse) => {
      answer.body = { sub: "johndoe", name: "John Doe" };
    });
    const page = await signIn();
    assert.deepEqual([page.status, page.url.href], [200, `${app.origin}/me?x=1`], page.text);
    assert.match(page.text, /Signed in as John Doe/);
    assert.equal(app.signIns.at(-1), "johndoe");
    assert.match(String(form.code_verifier), /^[\w-]{43}$/);
    assert.equal(form.client_secret, undefined, "Basic unless told otherwise");
  });

  it("refreshes once the access token has expired, and takes the new refresh token for the next time", async () => {
    const person = browser();
    const seen: Readonly<Record<string, unknown>>[] = [];
    const shortLived = (answer: MutableResponse, request: TokenRequestIncomingMessage) => {
      if (answer.body !== "") answer.body.expires_in = 60;
      seen.push({ asked: { ...request.body }, given: answer.body });
    };
    service.on(Events.BeforeResponse, shortLived);
    try {
      await person.open(`${app.origin}/me`);
      for (const later of [2, 4]) {
        app.ahead = later * 60_000;
        const page = await person.open(`${app.origin}/call`);
        assert.equal(JSON.parse(page.find("answer")?.text ?? "").sub, "johndoe", page.text);
      }
      const asked = seen.map((one) => one.asked as Record<string, unknown>);
      const given = seen.map((one) => (one.given as Record<string, unknown>).refresh_token);
      assert.deepEqual(
        asked.map(({ grant_type }) => grant_type),
        ["authorization_code", "refresh_token", "refresh_token"],
      );
      assert.deepEqual([asked[1]?.refresh_token, asked[2]?.refresh_token], [given[0], given[1]]);
    } finally {
      app.ahead = 0;
      service.off(Events.BeforeResponse, shortLived);
    }
  });

  it("gets a token for the application itself", async () => {
    const metadata = await discover(issuer);
    const client = { ...credentials, token_endpoint_auth_method: "client_secret_basic" } as const;
    const tokens = await clientCredentials({ metadata, client, scope: "read write", resource: "https://api.example" });
    const [, payload = ""] = tokens.access_token.split(".");
    assert.equal(JSON.parse(Buffer.from(payload, "base64url").toString()).scope, "read write");
    assert.equal(tokens.refresh_token, undefined);
    service.once(Events.BeforeResponse, (answer: MutableResponse) => {
      Object.assign(answer, { statusCode: 401, body: { error: "invalid_client" } });
    });
    await assert.rejects(clientCredentials({ metadata, client }), (e: unknown) => {
      assert.ok(e instanceof ClientError);
      assert.deepEqual([e.code, e.error], ["token_refused", "invalid_client"]);
      return true;
    });
  });

  type Values = Readonly<Record<string, unknown>>;
  /** Changes the ID token; the access token, which is signed before it, is left alone. Begins now, until the result is called. */
  const inIdToken = (payload: Values | ((given: Values) => Values), header: Values = {}) => {
    return () => {
      let first = true;
      const hook = (token: MutableToken) => {
        if (!first) Object.assign(token.payload, typeof payload === "function" ? payload(token.payload) : payload);
        if (!first) Object.assign(token.header, header);
        first = false;
      };
      service.on(Events.BeforeTokenSigning, hook);
      return () => service.off(Events.BeforeTokenSigning, hook);
    };
  };
  const inAnswer = (change: (answer: MutableResponse) => void, event: Events) => () => {
    service.once(event, change);
    return () => service.off(event, change);
  };
  const withBody = (values: Values, event: Events = Events.BeforeResponse) =>
    inAnswer(({ body }) => Object.assign(body, values), event);
  const refusing = (statusCode: number, error: string, event: Events = Events.BeforeResponse) =>
    inAnswer((answer) => Object.assign(answer, { statusCode, body: { error } }), event);
  const unsigned = inAnswer(({ body }) => {
    if (body !== "") body.id_token = String(body.id_token).replace(/\.[^.]*$/, ".");
  }, Events.BeforeResponse);
  const { BeforeUserinfo } = Events;
  const now = Math.floor(Date.now() / 1000);
  const past = { iat: now - 7_200, exp: now - 3_600 };
  const future = { iat: now + 3_600, nbf: now + 3_600, exp: now + 7_200 };

  /** What the provider does, the code, and a word of the reason in the log. */
  const lies: readonly [string, ClientErrorCode, RegExp, () => () => unknown][] = [
    ["an ID token for another client", "id_token_invalid", /aud/, inIdToken({ aud: "another" })],
    ["an ID token for somebody else as well", "id_token_invalid", /audience/, inIdToken({ aud: ["app", "b"] })],
    ["an ID token for nobody", "id_token_invalid", /aud/, inIdToken({ aud: undefined })],
    ["an ID token of another issuer", "id_token_invalid", /iss/, inIdToken({ iss: "https://evil.example" })],
    ["an issuer that differs in a slash", "id_token_invalid", /iss/, inIdToken(({ iss }) => ({ iss: `${iss}/` }))],
    ["the nonce of another sign-in", "id_token_invalid", /nonce/, inIdToken({ nonce: "another" })],
    ["no nonce", "id_token_invalid", /nonce/, inIdToken({ nonce: undefined })],
    ["an ID token about nobody", "id_token_invalid", /sub/, inIdToken({ sub: undefined })],
    ["an ID token that has expired", "clock_skew", /exp/, inIdToken(past)],
    ["an ID token that never expires", "id_token_invalid", /exp/, inIdToken({ exp: undefined })],
    ["an ID token from the future", "clock_skew", /iat|nbf|future/, inIdToken(future)],
    ["an at_hash of another token", "id_token_invalid", /at_hash/, inIdToken({ at_hash: "A".repeat(22) })],
    ["a key nobody knows", "id_token_invalid", /key|kid/, inIdToken({}, { kid: "unknown" })],
    ["a signature that was cut off", "id_token_invalid", /signature|decoded|JWT|JWS/i, unsigned],
    ["no ID token", "id_token_missing", /id_token/, withBody({ id_token: undefined })],
    ["a refusal", "token_refused", /invalid_grant/, refusing(400, "invalid_grant")],
    ["a refusal of the client", "token_refused", /invalid_client/, refusing(401, "invalid_client")],
    ["an error with status 200", "token_refused", /server_error/, refusing(200, "server_error")],
    ["an outage", "issuer_unavailable", /503/, refusing(503, "temporarily_unavailable")],
    ["no access token", "token_response_invalid", /access_token/, withBody({ access_token: undefined })],
    ["a token of an unknown kind", "token_response_invalid", /token_type/, withBody({ token_type: "mac" })],
    ["an expiry that is no number", "token_response_invalid", /expires_in/, withBody({ expires_in: "soon" })],
    ["userinfo about somebody else", "userinfo_subject_mismatch", /sub/, withBody({ sub: "bob" }, BeforeUserinfo)],
    ["userinfo about nobody", "userinfo_invalid", /sub/, withBody({ sub: undefined }, BeforeUserinfo)],
    ["userinfo that is refused", "userinfo_invalid", /403/, refusing(403, "insufficient_scope", BeforeUserinfo)],
  ];
  for (const [lie, code, reason, begin] of lies) {
    it(`refuses ${lie} as ${code}: nobody is signed in, and the way to start again is shown`, async () => {
      const [failures, signIns] = [app.failures.length, app.signIns.length];
      const end = begin();
      try {
        const person = browser();
        const page = await person.open(`${app.origin}/me?x=1`);
        assert.deepEqual(app.failures.slice(failures), [code], page.text);
        assert.match(app.reasons.at(-1) ?? "", reason);
        assert.equal(page.url.pathname, "/auth/callback/acme");
        assert.ok(page.status >= 400);
        assert.match(page.html, /href="\/auth\/login\/acme\?returnTo=%2Fme%3Fx%3D1"/);
        assert.equal(person.cookies("127.0.0.1").has("vk_app"), false);
        assert.equal(app.signIns.length, signIns);
      } finally {
        end();
      }
    });
  }

  it("and signs in again as soon as the provider tells the truth", async () => {
    const page = await signIn();
    assert.match(page.text, /Signed in as johndoe/);
  });
});
