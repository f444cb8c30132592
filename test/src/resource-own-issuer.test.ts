/**
 * An API behind protectResource, in Express, with our own server as its issuer and our own client calling: signed and opaque tokens,
 * bound and not, of people and of programs.
 *
 * RFC 6750 §3.1, RFC 9068 §4, RFC 7662 §4, RFC 9449 §7, RFC 7523 §2.2, RFC 9728 §3; rows RS-02, RS-03, RS-04, RS-08, RS-12, RS-13, DP-13.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { ClientAuthentication } from "@valetkey/client/client-authentication";
import { clientCredentials } from "@valetkey/client/client-credentials";
import { discover } from "@valetkey/client/discover";
import { discoverResource } from "@valetkey/client/discover-resource";
import { createDpop, dpopFetch } from "@valetkey/client/dpop-fetch";
import { revokeToken } from "@valetkey/client/revoke";
import { generateDpopKey } from "@valetkey/protocol/dpop";
import { generateKey, type SigningKey } from "@valetkey/protocol/jose";
import { protectResource, type ResourceOptions, tokenOf } from "@valetkey/resource/express";
import { memoryStore } from "@valetkey/store/memory";
import express from "express";
import { codeAndRefresh, useWorld } from "./lib/fixtures.ts";
import { claimsOf, exchange, getCode, postAs } from "./lib/flow.ts";
import { type Listening, listen } from "./lib/http-listener.ts";
import { freePort, type RunningServer, startServer } from "./lib/server.ts";

const scopes = { "photos:read": "See your photos", "photos:write": "Change your photos" };
const names = Object.keys(scopes);

/** The API itself. */
async function startApi(port: number, options: Omit<ResourceOptions, "audience">): Promise<Listening> {
  const audience = `http://127.0.0.1:${port}/v1`;
  const { requireOAuth, metadata } = protectResource({ audience, metadata: { scopes_supported: names }, ...options });
  const app = express().use(metadata);
  const who: express.RequestHandler = (req, res) => {
    const { sub, principal, scope } = tokenOf(req) ?? {};
    res.json({ sub, principal, scope });
  };
  app.get("/v1/photos", requireOAuth("photos:read"), who);
  app.post("/v1/photos", requireOAuth("photos:read photos:write"), who);
  app.get("/v1/bound", requireOAuth("photos:read", { dpop: "required" }), who);
  app.get("/v1/recent", requireOAuth("photos:read", { maxAge: "1h" }), who);
  return listen(app, port);
}

const call = (url: string, token: string, init: RequestInit = {}) =>
  fetch(url, { ...init, headers: { Authorization: `Bearer ${token}` } });
const challengeOf = (answer: Response) => answer.headers.get("www-authenticate") ?? "";
const statuses = (answers: readonly Response[]) => answers.map(({ status }) => status);

describe("an API with our own server as its issuer", () => {
  const ports = { signed: 0, opaque: 0 };
  const world = useWorld(async () => {
    ports.signed = await freePort();
    ports.opaque = await freePort();
    const [signed, opaque] = [ports.signed, ports.opaque].map((port) => `http://127.0.0.1:${port}/v1`);
    return {
      config: {
        scopes,
        bindings: ["dpop"],
        lifetimes: { access: 60 },
        resources: [
          { resource: signed, scopes: names, tokens: "at+jwt" },
          { resource: opaque, scopes: names, tokens: "opaque" },
        ],
      },
      clients: {
        app: { name: "Photo app", grant_types: codeAndRefresh },
        robot: { grant_types: ["client_credentials"], redirect_uris: [], scope: "photos:read" },
        api: { grant_types: ["client_credentials"], redirect_uris: [], introspects: [opaque ?? ""] },
      },
    };
  });
  const apis = new Map<keyof typeof ports, Listening>();
  before(async () => {
    const { issuer, client } = world();
    const { client_id, client_secret = "" } = client("api");
    apis.set("signed", await startApi(ports.signed, { issuer, dpop: { store: memoryStore() } }));
    const introspection = { client_id, client_secret };
    const dpop = { nonceSecret: "a secret for nonces, long enough 0123" };
    apis.set("opaque", await startApi(ports.opaque, { issuer, introspection, dpop }));
  });
  after(async () => {
    for (const api of apis.values()) await api[Symbol.asyncDispose]();
  });
  const audienceOf = (kind: keyof typeof ports) => `http://127.0.0.1:${ports[kind]}/v1`;
  const robot = (): ClientAuthentication => {
    const { client_id, client_secret = "" } = world().client("robot");
    return { client_id, client_secret, token_endpoint_auth_method: "client_secret_basic" };
  };
  const tokenOfRobot = async (resource: string) =>
    clientCredentials({ metadata: await discover(world().issuer), client: robot(), scope: "photos:read", resource });
  const tokensOfAlice = async (resource: string, scope = names.join(" ")) => {
    const { issuer, alice, client } = world();
    const params = { scope: `openid ${scope}`, resource };
    const code = await getCode(issuer, client("app"), { user: alice, params });
    const { status, json, text } = await exchange(issuer, code, { resource });
    assert.equal(status, 200, text);
    return json as { access_token: string; id_token: string; refresh_token?: string };
  };

  for (const kind of ["signed", "opaque"] as const) {
    it(`${kind}: good tokens of people and programs pass as what they are`, async () => {
      const photos = `${audienceOf(kind)}/photos`;
      const { access_token } = await tokensOfAlice(audienceOf(kind));
      assert.equal(access_token.split(".").length === 3, kind === "signed");
      const answer = await call(photos, access_token);
      assert.equal(answer.status, 200, await answer.clone().text());
      assert.partialDeepStrictEqual(await answer.json(), { sub: world().alice.subject, principal: "person" });
      assert.equal((await call(photos, access_token, { method: "POST" })).status, 200);
      const own = await tokenOfRobot(audienceOf(kind));
      assert.partialDeepStrictEqual(await (await call(photos, own.access_token)).json(), { principal: "client" });
      const refused = await call(photos, own.access_token, { method: "POST" });
      assert.equal(refused.status, 403);
      assert.match(challengeOf(refused), /error="insufficient_scope".*scope="photos:read photos:write"/);
    });

    it(`${kind}: ID tokens, refresh tokens, tokens for others and tampered ones do not pass`, async () => {
      const photos = `${audienceOf(kind)}/photos`;
      const tokens = await tokensOfAlice(audienceOf(kind));
      const elsewhere = await tokensOfAlice(audienceOf(kind === "signed" ? "opaque" : "signed"));
      const good = tokens.access_token;
      const half = good.length >> 1;
      const changed = good.slice(0, half) + (good[half] === "A" ? "B" : "A") + good.slice(half + 1);
      const bad = [tokens.id_token, elsewhere.access_token, elsewhere.id_token, changed, good.slice(0, -1), `${good}x`];
      if (tokens.refresh_token !== undefined) bad.push(tokens.refresh_token);
      for (const token of bad) {
        const answer = await call(photos, token);
        assert.equal(answer.status, 401, token.slice(0, 12));
        assert.match(challengeOf(answer), /^Bearer realm=.*error="invalid_token".*, DPoP /);
        assert.ok(!(await answer.text()).includes(token));
      }
    });

    it(`${kind}: bound tokens pass with their key alone, once per proof`, async () => {
      const resource = audienceOf(kind);
      const dpop = createDpop(await generateDpopKey());
      const metadata = await discover(world().issuer);
      const options = { metadata, client: robot(), scope: "photos:read", resource, dpop };
      const { access_token } = await clientCredentials(options);
      const bound = dpopFetch({ dpop, access_token });
      assert.deepEqual(statuses([await bound(`${resource}/bound`), await bound(`${resource}/photos?x=1`)]), [200, 200]);
      const thief = dpopFetch({ dpop: createDpop(await generateDpopKey()), access_token });
      const unbound = await tokenOfRobot(resource);
      const refused = [
        await call(`${resource}/photos`, access_token),
        await thief(`${resource}/photos`),
        await call(`${resource}/bound`, unbound.access_token),
      ];
      assert.deepEqual(statuses(refused), [401, 401, 401]);
      assert.match(challengeOf(refused[2] ?? assert.fail()), /^DPoP /);
    });

    it(`${kind}: how long ago the person signed in counts, for programs as never (RFC 9470)`, async () => {
      const resource = audienceOf(kind);
      const { access_token } = await tokensOfAlice(resource);
      assert.equal((await call(`${resource}/recent`, access_token)).status, 200);
      const answer = await call(`${resource}/recent`, (await tokenOfRobot(resource)).access_token);
      assert.equal(answer.status, 401);
      assert.match(challengeOf(answer), /error="insufficient_user_authentication".*max_age="3600"/);
    });

    it(`${kind}: from the challenge a client finds the document, the issuer and the scopes (RFC 9728 §5)`, async () => {
      const url = `${audienceOf(kind)}/photos`;
      const response = await fetch(url);
      assert.equal(response.status, 401);
      assert.doesNotMatch(challengeOf(response), /error=/);
      const metadata = await discoverResource(url, { response, resource: audienceOf(kind) });
      assert.deepEqual(metadata.authorization_servers, [world().issuer]);
      assert.deepEqual(metadata.scopes_supported, names);
    });
  }

  it("on loopback neither names of strangers nor their pages reach it, not even to ask (RS-13)", async () => {
    const { access_token } = await tokensOfAlice(audienceOf("signed"));
    const sent = async (headers: Record<string, string>, method = "GET"): Promise<number | undefined> => {
      const url = new URL(`${audienceOf("signed")}/photos`);
      // fetch writes the Host header itself.
      const asking = request(url, { method, headers: { Authorization: `Bearer ${access_token}`, ...headers } }).end();
      const [answer] = (await once(asking, "response")) as [IncomingMessage];
      answer.resume();
      return answer.statusCode;
    };
    const port = ports.signed;
    assert.equal(await sent({ Host: `localhost:${port}`, Origin: "http://localhost:5173" }), 200);
    for (const Host of [`evil.test:${port}`, `127.0.0.1.evil.test:${port}`, `localhost@evil.test:${port}`])
      assert.equal(await sent({ Host }), 421, Host);
    for (const Origin of ["http://evil.test", "null", "https://localhost.evil.test"])
      assert.equal(await sent({ Origin }), 403, Origin);
  });

  it("a revoked token is refused at once where it is asked about each time", async () => {
    const { issuer, client } = world();
    const { access_token } = await tokensOfAlice(audienceOf("opaque"));
    assert.equal((await call(`${audienceOf("opaque")}/photos`, access_token)).status, 200);
    const { client_id, client_secret = "" } = client("app");
    const app = { client_id, client_secret, token_endpoint_auth_method: "client_secret_basic" } as const;
    await revokeToken({ metadata: await discover(issuer), client: app, token: access_token });
    assert.equal((await call(`${audienceOf("opaque")}/photos`, access_token)).status, 401);
  });

  it("a token of another server of the same kind is foreign", async () => {
    const other = await startServer({
      config: {
        scopes,
        resources: [{ resource: audienceOf("signed"), scopes: names, tokens: "at+jwt" }],
        clients: [
          {
            client_id: "robot",
            client_secret: "a secret of at least thirty-two characters",
            grant_types: ["client_credentials"],
            redirect_uris: [],
            scope: "photos:read",
          },
        ],
      },
    });
    try {
      const client = {
        client_id: "robot",
        client_secret: "a secret of at least thirty-two characters",
        redirect_uri: "",
      };
      const { json } = await postAs(new URL("/token", other.issuer), client, {
        grant_type: "client_credentials",
        resource: audienceOf("signed"),
      });
      assert.equal(claimsOf(json.access_token).aud, audienceOf("signed"));
      assert.equal((await call(`${audienceOf("signed")}/photos`, json.access_token)).status, 401);
    } finally {
      await other[Symbol.asyncDispose]();
    }
  });
});

describe("an API that proves who it is by a key, and keeps answers", () => {
  let server: RunningServer;
  let key: SigningKey;
  let api: Listening;
  let audience: string;
  const secret = "a secret of at least thirty-two characters";
  before(async () => {
    key = await generateKey("ES256");
    const port = await freePort();
    audience = `http://127.0.0.1:${port}/v1`;
    const own = { grant_types: ["client_credentials"], redirect_uris: [] };
    const method = { token_endpoint_auth_method: "private_key_jwt", jwks: { keys: [key.publicJwk] } };
    server = await startServer({
      config: {
        scopes,
        lifetimes: { access: 3 },
        clientAuth: ["client_secret_basic", "private_key_jwt"],
        resources: [{ resource: audience, scopes: names, tokens: "opaque" }],
        clients: [
          { client_id: "robot", client_secret: secret, scope: "photos:read", ...own },
          { client_id: "api", introspects: [audience], ...own, ...method },
        ],
      },
    });
    const introspection = {
      client_id: "api",
      token_endpoint_auth_method: "private_key_jwt",
      private_key: key.privateJwk,
      alg: "ES256",
      cacheFor: "1s",
    } as const;
    api = await startApi(port, { issuer: server.issuer, introspection, clockTolerance: 0 });
  });
  after(async () => {
    await api?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  it("the answer is used for as long as was said, the token for as long as it lives (RS-08)", async () => {
    const client = { client_id: "robot", client_secret: secret, redirect_uri: "" };
    const token = async () => {
      const form = { grant_type: "client_credentials", resource: audience };
      return (await postAs(new URL("/token", server.issuer), client, form)).json.access_token as string;
    };
    const [kept, revoked] = [await token(), await token()];
    const ask = async (one: string) => (await call(`${audience}/photos`, one)).status;
    assert.deepEqual([await ask(kept), await ask(revoked)], [200, 200]);
    await postAs(new URL("/revoke", server.issuer), client, { token: revoked });
    assert.equal(await ask(revoked), 200, "within the second it was said for");
    await pause(1_050);
    assert.deepEqual([await ask(kept), await ask(revoked)], [200, 401]);
    await pause(2_100);
    assert.equal(await ask(kept), 401, "expired");
  });
});
