/**
 * Three servers on one PostgreSQL behind a proxy that sends each request to any of them.
 *
 * Whole flows succeed whoever answers which part of them; what is used once is used once, whichever servers it reaches together; keys
 * rotate without a token that does not verify; and when one server is killed and another drained, nobody notices but those whose
 * connection died. RFC 6749 §4.1.2, RFC 9700 §4.14.2, OpenID Connect Core §10.1.1.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { protectResource } from "@valetkey/resource/protect";
import { createBrowser, type FetchBrowser } from "./lib/browser.ts";
import { startWorld, usePostgres, type World } from "./lib/fixtures.ts";
import {
  claimsOf,
  exchange,
  getCode,
  getTokens,
  introspect,
  postAs,
  type Reply,
  refresh,
  userinfo,
} from "./lib/flow.ts";
import { halfSent } from "./lib/half-sent.ts";
import { type RunningServer, startServer } from "./lib/server.ts";
import { type SpreadingProxy, startSpreadingProxy } from "./lib/spreading-proxy.ts";
import { until } from "./lib/until.ts";

const api = "https://api.test";
const people = 6;
const atOnce = 20;

describe("three servers", { concurrency: 1 }, () => {
  const postgres = usePostgres();
  let proxy: SpreadingProxy;
  let world: World;
  let servers: readonly RunningServer[] = [];

  before(async () => {
    const database = await postgres().createDatabase();
    proxy = await startSpreadingProxy();
    world = await startWorld({
      database,
      issuer: proxy.origin,
      clients: { robot: { grant_types: ["client_credentials"], redirect_uris: [], scope: "photos" } },
      config: {
        scopes: { photos: "See your photos" },
        resources: [{ resource: api, scopes: ["photos"], tokens: "at+jwt" }],
      },
    });
    const others = await Promise.all([1, 2].map(() => startServer({ database, besides: world.server })));
    servers = [world.server, ...others];
    proxy.add(...servers.map(({ port }) => port));
  });
  after(async () => {
    for (const server of servers) await server[Symbol.asyncDispose]();
    await proxy?.[Symbol.asyncDispose]();
  });

  /** Two servers, chosen at random: never the same. */
  const twoOrigins = (): [string, string] => {
    const first = Math.floor(Math.random() * servers.length);
    const second = (first + 1 + Math.floor(Math.random() * (servers.length - 1))) % servers.length;
    return [servers[first]?.origin ?? "", servers[second]?.origin ?? ""];
  };

  /** Whoever has gone through the pages once is signed in at all servers. */
  const signedIn = async (): Promise<FetchBrowser> => {
    const { issuer, conf, alice } = world;
    const browser = createBrowser(issuer);
    await getTokens(issuer, conf, { user: alice, browser });
    return browser;
  };

  /** What an application does with a live session: the person is asked nothing. Throws what did not go as it should. */
  const wholeFlow = async (browser: FetchBrowser): Promise<void> => {
    const { issuer, conf, alice } = world;
    const good = ({ status, text }: Reply) => assert.equal(status, 200, text);
    const code = await getCode(issuer, conf, { browser: browser.copy() });
    const redeemed = await exchange(issuer, code);
    good(redeemed);
    assert.equal(claimsOf(redeemed.json.id_token).sub, alice.subject);
    const rotated = await refresh(issuer, conf, redeemed.json.refresh_token);
    good(rotated);
    const [who, of] = await Promise.all([
      userinfo(issuer, redeemed.json.access_token),
      introspect(issuer, conf, rotated.json.access_token),
    ]);
    good(who);
    assert.equal(who.json.sub, alice.subject);
    assert.equal(of.json.active, true, of.text);
  };

  it("whole flows succeed, many at once, whichever servers answer their parts", async () => {
    const browsers = await Promise.all(Array.from({ length: people }, signedIn));
    const before = new Map(proxy.answered);
    await Promise.all(browsers.flatMap((browser) => [wholeFlow(browser), wholeFlow(browser), wholeFlow(browser)]));
    for (const { port } of servers) {
      assert.ok((proxy.answered.get(port) ?? 0) > (before.get(port) ?? 0), `the server at ${port} answered nothing`);
    }
    assert.deepEqual([...proxy.died], []);
  });

  it("a code that reaches two servers at once is redeemed once", async () => {
    const { issuer, conf } = world;
    const browser = await signedIn();
    const codes = await Promise.all(
      Array.from({ length: atOnce }, () => getCode(issuer, conf, { browser: browser.copy() })),
    );
    const pairs = await Promise.all(
      codes.map((code) => Promise.all(twoOrigins().map((origin) => exchange(origin, code)))),
    );
    for (const pair of pairs) {
      const answers = pair.map(({ status, json }) => `${status} ${json?.error ?? "tokens"}`).sort();
      assert.deepEqual(answers, ["200 tokens", "400 invalid_grant"]);
    }
  });

  it("a refresh token that reaches two servers at once has one successor, which works once; then the first is reuse", async () => {
    const { issuer, conf } = world;
    const browser = await signedIn();
    const tokens = await Promise.all(
      Array.from({ length: atOnce }, () => getTokens(issuer, conf, { browser: browser.copy() })),
    );
    await Promise.all(
      tokens.map(async ({ refresh_token }) => {
        const pair = await Promise.all(twoOrigins().map((origin) => refresh(origin, conf, refresh_token)));
        // Within the time of a retry both hear of the same successor: none is told that its token is spent.
        const successors = new Set(pair.map(({ status, json }) => `${status} ${json?.refresh_token}`));
        assert.equal(successors.size, 1, pair.map(({ text }) => text).join("\n"));
        const next = await refresh(issuer, conf, pair[0]?.json.refresh_token);
        assert.equal(next.status, 200, next.text);
        const late = await refresh(issuer, conf, refresh_token);
        assert.equal(`${late.status} ${late.json?.error}`, "400 invalid_grant", late.text);
        assert.equal((await refresh(issuer, conf, next.json.refresh_token)).status, 400, "the grant is cut");
      }),
    );
  });

  it("keys rotate, one server is killed and one drained under load: nobody notices but those whose connection died", async (test) => {
    const { issuer, conf, client } = world;
    const [stays, killed, drained] = servers;
    assert.ok(stays && killed && drained);
    const browsers = await Promise.all(Array.from({ length: people }, signedIn));
    const robot = client("robot");
    const { access_token: told } = await getTokens(issuer, conf, {
      browser: browsers[0]?.copy() ?? (await signedIn()),
    });
    const seen = { flows: 0, verified: 0, broken: 0, kids: new Set<string>() };
    let over = false;

    const unlessDied = async (work: Promise<void>) => {
      try {
        await work;
      } catch (error) {
        if (!isBroken(error)) throw error;
        seen.broken += 1;
      }
    };
    /** Documents and keys are asked for again when the connection died, as any cache in between would. */
    const patient: typeof fetch = (...request) =>
      fetch(...request).catch((error: unknown) => {
        if (!isBroken(error)) throw error;
        seen.broken += 1;
        return fetch(...request);
      });
    // One API has known the keys all the time; others ask for them now, whichever server answers.
    const lasting = protectResource({ issuer, audience: api, fetch: patient });
    const verify = async (): Promise<void> => {
      const reply = await postAs(new URL("/token", issuer), robot, { grant_type: "client_credentials", resource: api });
      assert.equal(reply.status, 200, reply.text);
      const token: string = reply.json.access_token;
      const request = new Request(api, { headers: { Authorization: `Bearer ${token}` } });
      for (const one of [lasting, protectResource({ issuer, audience: api, fetch: patient })]) {
        assert.equal((await one.check(request, "photos")).client_id, robot.client_id);
      }
      seen.kids.add(JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString()).kid);
      seen.verified += 1;
    };
    const flow = async (browser: FetchBrowser) => {
      await wholeFlow(browser);
      seen.flows += 1;
    };
    const loads = [
      ...browsers.map(async (browser) => {
        while (!over) {
          await unlessDied(flow(browser));
          await pause(50);
        }
      }),
      (async () => {
        while (!over) {
          await unlessDied(verify());
          await pause(20);
        }
      })(),
    ];
    const load = Promise.all(loads);
    const during = (work: Promise<unknown>) => Promise.race([work, load]);

    await during(until(() => seen.flows > people && seen.verified > 10, "load on three servers"));
    const rotated = await world.server.cli(["key", "rotate", "--json"]);
    assert.equal(rotated.code, 0, rotated.stderr);

    await killed.kill();
    const afterKill = seen.flows;
    await during(until(() => seen.flows > afterKill + people && proxy.passedOn() > 0, "load on two servers"));

    const underWay = await Promise.all(Array.from({ length: 4 }, () => halfSent(drained.origin, conf, told)));
    await proxy.drain(drained.port);
    const ended = drained.stop();
    for (const answer of await Promise.all(underWay.map((request) => request.finish()))) {
      assert.match(answer, /^HTTP\/1\.1 200 /);
      assert.match(answer, /"active":true/);
    }
    assert.deepEqual(await ended, { code: 0, signal: null });

    const afterDrain = seen.flows;
    await during(until(() => seen.flows > afterDrain + people, "load on one server"));
    await during(until(() => seen.kids.size > 1, "a token signed by the new key"));
    over = true;
    await load;
    assert.deepEqual(
      [...proxy.died.keys()].filter((port) => port !== killed.port),
      [],
      "a living server lost a request",
    );
    const died = proxy.died.get(killed.port) ?? 0;
    assert.ok(seen.broken <= died, `${seen.broken} saw an error, but ${died} connections died`);
    test.diagnostic(
      `${seen.flows} flows, ${seen.verified} verifications, ${died} connections died, ${proxy.passedOn()} passed on`,
    );
  });
});

/** What `fetch` says of a connection that ended before its answer; an answer that is not the expected one is another error. */
const isBroken = (error: unknown) => error instanceof TypeError && /^(fetch failed|terminated)$/.test(error.message);
