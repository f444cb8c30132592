/**
 * APIs written by others with our own server as their issuer: `express-oauth2-jwt-bearer` verifies signatures; an API on `openid-client` and one
 * on Authlib, in Python, introspect. Ours stands beside them and must judge alike.
 *
 * RFC 9068 §4, RFC 7662 §2.2, RFC 9449 §7.1, RFC 6750 §3.1.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { clientCredentials } from "@valetkey/client/client-credentials";
import { discover } from "@valetkey/client/discover";
import { createDpop, dpopFetch } from "@valetkey/client/dpop-fetch";
import { generateDpopKey } from "@valetkey/protocol/dpop";
import { protectResource } from "@valetkey/resource/express";
import express from "express";
import { auth, requiredScopes } from "express-oauth2-jwt-bearer";
import { allowInsecureRequests, ClientSecretBasic, discovery, tokenIntrospection } from "openid-client";
import { startFlaskApi, skip as withoutAuthlib } from "./lib/authlib-python.ts";
import { codeAndRefresh, useWorld } from "./lib/fixtures.ts";
import { claimsOf, exchange, getCode, revoke } from "./lib/flow.ts";
import { type Listening, listen } from "./lib/http-listener.ts";
import { freePort, startServer } from "./lib/server.ts";

const scopes = { "photos:read": "See your photos", "photos:write": "Change your photos" };
/** Seconds an access token lives. */
const lifetime = 4;
const ways = ["signed", "opaque"] as const;
type Way = (typeof ways)[number];
const forms = { signed: "at+jwt", opaque: "opaque" } as const;

describe("APIs of others with our own server as their issuer", () => {
  const ports: Record<Way, number> = { signed: 0, opaque: 0 };
  const apis = new Map<Way, Listening>();
  let flask: Awaited<ReturnType<typeof startFlaskApi>> | undefined;
  const audienceOf = (way: Way) => `http://127.0.0.1:${ports[way]}`;
  const world = useWorld(async () => {
    for (const way of ways) ports[way] = await freePort();
    return {
      config: {
        scopes,
        bindings: ["dpop"],
        lifetimes: { access: lifetime },
        resources: ways.map((way) => ({ resource: audienceOf(way), scopes: Object.keys(scopes), tokens: forms[way] })),
      },
      clients: {
        app: { name: "Photo app", grant_types: codeAndRefresh },
        robot: { grant_types: ["client_credentials"], redirect_uris: [], scope: "photos:read" },
        api: { grant_types: ["client_credentials"], redirect_uris: [], introspects: [audienceOf("opaque")] },
      },
    };
  });

  before(async () => {
    const { issuer, client } = world();
    const { client_id, client_secret = "" } = client("api");
    const answer: express.RequestHandler = (_, res) => void res.json({ in: true });
    const failure: express.ErrorRequestHandler = (error, _req, res, _next) => {
      res.set(error.headers ?? {}).sendStatus(error.status ?? 500);
    };

    const [audience, dpop] = [audienceOf("signed"), { enabled: true }];
    const verifying = express();
    const theirs = auth({ issuerBaseURL: issuer, audience, strict: true, dpop, clockTolerance: 0 });
    verifying.get("/theirs", theirs, requiredScopes("photos:read"), answer);
    verifying.get("/theirs/write", theirs, requiredScopes("photos:write"), answer);
    const ours = protectResource({ issuer, audience, clockTolerance: 0 });
    verifying.get("/ours", ours.requireOAuth("photos:read"), answer);
    verifying.get("/ours/write", ours.requireOAuth("photos:write"), answer);
    verifying.use(failure);
    apis.set("signed", await listen(verifying, ports.signed));

    const config = await discovery(new URL(issuer), client_id, undefined, ClientSecretBasic(client_secret), {
      execute: [allowInsecureRequests],
    });
    const asks =
      (scope: string): express.RequestHandler =>
      async (req, res, next) => {
        const [, token = ""] = /^Bearer (\S+)$/.exec(req.headers.authorization ?? "") ?? [];
        const said = await tokenIntrospection(config, token);
        const isFor = said.active && said.aud === audienceOf("opaque") && said.cnf === undefined;
        if (!isFor) return void res.sendStatus(401);
        if (!(said.scope ?? "").split(" ").includes(scope)) return void res.sendStatus(403);
        next();
      };
    const introspecting = express();
    introspecting.get("/theirs", asks("photos:read"), answer);
    introspecting.get("/theirs/write", asks("photos:write"), answer);
    const other = protectResource({
      issuer,
      audience: audienceOf("opaque"),
      introspection: { client_id, client_secret },
    });
    introspecting.get("/ours", other.requireOAuth("photos:read"), answer);
    introspecting.get("/ours/write", other.requireOAuth("photos:write"), answer);
    apis.set("opaque", await listen(introspecting, ports.opaque));
    if (withoutAuthlib !== false) return;
    const endpoint = `${issuer}/introspect`;
    flask = await startFlaskApi({
      ...{ port: await freePort(), endpoint, client_id, client_secret },
      audience: audienceOf("opaque"),
    });
  });
  after(async () => {
    for (const api of apis.values()) await api[Symbol.asyncDispose]();
    await flask?.[Symbol.asyncDispose]();
  });

  /** What theirs and ours answer: all the same. */
  const ask = async (way: Way, token: string, path = ""): Promise<number> => {
    const urls = ["theirs", "ours"].map((whose) => `${audienceOf(way)}/${whose}${path}`);
    if (way === "opaque" && flask !== undefined) urls.push(`${flask.origin}/theirs${path}`);
    const headers = { Authorization: `Bearer ${token}` };
    const [first, ...others] = await Promise.all(urls.map(async (url) => (await fetch(url, { headers })).status));
    assert.deepEqual(new Set(others), new Set([first]), `${urls}: ${[first, ...others]}`);
    return first ?? 0;
  };
  const tokensOfAlice = async (way: Way) => {
    const { issuer, alice, client } = world();
    const params = { scope: "openid photos:read", resource: audienceOf(way) };
    const code = await getCode(issuer, client("app"), { user: alice, params });
    const { json, status, text } = await exchange(issuer, code, { resource: audienceOf(way) });
    assert.equal(status, 200, text);
    return json as { access_token: string; id_token: string };
  };

  for (const way of ways) {
    it(`${way}: accept good tokens, and for their scope only`, async () => {
      const { access_token } = await tokensOfAlice(way);
      if (way === "signed") assert.equal(claimsOf(access_token).iss, world().issuer);
      assert.equal(await ask(way, access_token), 200);
      assert.equal(await ask(way, access_token, "/write"), 403);
    });

    it(`${way}: refuse tampered and foreign tokens, ID tokens and those of the other API`, async () => {
      const { access_token, id_token } = await tokensOfAlice(way);
      const other = await tokensOfAlice(way === "signed" ? "opaque" : "signed");
      const half = access_token.length >> 1;
      const letter = access_token[half] === "A" ? "B" : "A";
      const tampered = access_token.slice(0, half) + letter + access_token.slice(half + 1);
      for (const [title, token] of Object.entries({ tampered, id_token, other: other.access_token, nonsense: "x" }))
        assert.equal(await ask(way, token), 401, title);
    });

    it(`${way}: refuse expired tokens`, async () => {
      const { access_token } = await tokensOfAlice(way);
      assert.equal(await ask(way, access_token), 200);
      await pause(lifetime * 1_000 + 1_100);
      assert.equal(await ask(way, access_token), 401);
    });
  }

  it("refuse tokens that another server of the same kind made for the same API", async () => {
    const secret = "a secret of at least thirty-two characters";
    const own = { grant_types: ["client_credentials"], redirect_uris: [], scope: "photos:read" };
    await using other = await startServer({
      config: {
        scopes,
        resources: ways.map((way) => ({ resource: audienceOf(way), scopes: ["photos:read"], tokens: forms[way] })),
        clients: [{ client_id: "robot", client_secret: secret, ...own }],
      },
    });
    const robot = {
      client_id: "robot",
      client_secret: secret,
      token_endpoint_auth_method: "client_secret_basic",
    } as const;
    const metadata = await discover(other.issuer);
    for (const way of ways) {
      const options = { metadata, client: robot, scope: "photos:read", resource: audienceOf(way) };
      const { access_token } = await clientCredentials(options);
      assert.equal(await ask(way, access_token), 401, way);
    }
  });

  it("opaque: refuse revoked tokens at once", async () => {
    const { issuer, client } = world();
    const { access_token } = await tokensOfAlice("opaque");
    assert.equal(await ask("opaque", access_token), 200);
    await revoke(issuer, client("app"), access_token);
    assert.equal(await ask("opaque", access_token), 401);
  });

  it("signed: bound tokens pass with a proof of their key, and not as bearer tokens (RFC 9449 §7)", async () => {
    const { issuer, client } = world();
    const { client_id, client_secret = "" } = client("robot");
    const dpop = createDpop(await generateDpopKey());
    const robot = { client_id, client_secret, token_endpoint_auth_method: "client_secret_basic" } as const;
    const options = {
      metadata: await discover(issuer),
      client: robot,
      scope: "photos:read",
      resource: audienceOf("signed"),
      dpop,
    };
    const { access_token } = await clientCredentials(options);
    for (const [key, expected] of [
      [dpop, 200],
      [createDpop(await generateDpopKey()), 401],
    ] as const) {
      const bound = dpopFetch({ dpop: key, access_token });
      const statuses = ["theirs", "ours"].map(
        async (whose) => (await bound(`${audienceOf("signed")}/${whose}`)).status,
      );
      assert.deepEqual(await Promise.all(statuses), [expected, expected]);
    }
    assert.equal(await ask("signed", access_token), 401);
  });
});
