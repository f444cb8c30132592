/**
 * What if two of these run at once? Fifty of each, on SQLite with one process and on PostgreSQL with two.
 *
 * RFC 6749 §4.1.2 and §10.5, RFC 9700 §4.14.2. A count of successes decides, never a time.
 */
import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import { createBrowser } from "./lib/browser.ts";
import { dump, onEachDatabase } from "./lib/each-database.ts";
import { useWorld } from "./lib/fixtures.ts";
import {
  authorizationUrl,
  createPkce,
  exchange,
  getCode,
  getTokens,
  introspect,
  type Reply,
  refresh,
  userinfo,
  walk,
} from "./lib/flow.ts";
import { type RunningServer, startServer } from "./lib/server.ts";
import { sideBySide, suite } from "./lib/suites.ts";

const fifty = 50;

sideBySide("races", () => {
  onEachDatabase("fifty at once", (database) => {
    let url = "sqlite";
    let second: RunningServer | undefined;
    const world = useWorld(async () => {
      url = await database.fresh();
      return { database: url, clients: { impatient: { name: "Impatient" } } };
    });
    before(async () => {
      const { server } = world();
      if (url !== "sqlite") {
        second = await startServer({ database: url, besides: server });
      }
    });
    after(async () => {
      await second?.[Symbol.asyncDispose]();
    });

    /** Sends fifty at once, to one process or by turns to two. */
    async function atOnce<T>(send: (origin: string) => Promise<T>): Promise<T[]> {
      const origins = second ? [world().server.origin, second.origin] : [world().server.origin];
      return Promise.all(Array.from({ length: fifty }, (_, n) => send(origins[n % origins.length] ?? "")));
    }

    const successes = (replies: readonly Reply[]) => replies.filter((reply) => reply.status === 200);

    it("fifty redemptions of one code: one succeeds, the others are invalid_grant, and then the grant is cut", async () => {
      const { issuer, conf, alice } = world();
      const code = await getCode(issuer, conf, { user: alice });
      const replies = await atOnce((origin) => exchange(origin, code));
      const [winner, ...more] = successes(replies);
      assert.ok(winner, replies[0]?.text);
      assert.equal(more.length, 0, `${more.length + 1} redemptions of one code succeeded`);
      for (const reply of replies) {
        if (reply !== winner) assert.equal(`${reply.status} ${reply.json?.error}`, "400 invalid_grant", reply.text);
      }
      assert.equal((await introspect(issuer, conf, winner.json.access_token)).json.active, false);
      assert.equal((await userinfo(issuer, winner.json.access_token)).status, 401);
      assert.equal((await refresh(issuer, conf, winner.json.refresh_token)).json.error, "invalid_grant");
    });

    it("fifty redemptions of one code by clients it does not belong to, and one by its own: that one succeeds and stays", async () => {
      const { issuer, conf, conf2, alice } = world();
      const code = await getCode(issuer, conf, { user: alice });
      const [own, ...others] = await Promise.all([
        exchange(issuer, code),
        ...Array.from({ length: fifty }, () => exchange(issuer, code, {}, conf2)),
      ]);
      assert.equal(own?.status, 200, own?.text);
      assert.equal(successes(others).length, 0);
      assert.equal((await introspect(issuer, conf, own?.json.access_token)).json.active, true);
    });

    it("fifty uses of one refresh token: one live successor whatever the number of answers, and never in the clear", async () => {
      const { server, issuer, conf, alice } = world();
      const { refresh_token } = await getTokens(issuer, conf, { user: alice });
      const replies = await atOnce((origin) => refresh(origin, conf, refresh_token));
      const answered = successes(replies);
      // Within the window each gets the same successor (P3): none is told that its token is spent.
      assert.equal(answered.length, fifty, replies.find((reply) => reply.status !== 200)?.text);
      const successors = new Set(answered.map((reply) => reply.json.refresh_token as string));
      assert.equal(successors.size, 1);
      const [successor = ""] = successors;
      const stored = await dump(server, url);
      assert.ok(stored.includes(conf.client_id));
      assert.ok(!stored.includes(successor), "the successor is stored in the clear");
      assert.ok(!stored.includes(successor.slice(-38, -6)), "the secret of the successor is stored in the clear");
      const next = await refresh(issuer, conf, successor);
      assert.equal(next.status, 200, next.text);

      // Now that the successor was used, its predecessor is reuse, on whichever process it arrives, and cuts the grant.
      const late = await refresh(second?.origin ?? issuer, conf, refresh_token);
      assert.equal(`${late.status} ${late.json?.error}`, "400 invalid_grant", late.text);
      assert.equal((await refresh(issuer, conf, next.json.refresh_token)).json.error, "invalid_grant");
      for (const token of [
        answered[0]?.json.access_token,
        answered.at(-1)?.json.access_token,
        next.json.access_token,
      ]) {
        assert.equal((await introspect(issuer, conf, token)).json.active, false);
      }
    });

    it("fifty different people's requests at once do not disturb one another", async () => {
      const { issuer, conf, alice } = world();
      const { browser } = await getTokens(issuer, conf, { user: alice });
      const codes = await Promise.all(
        Array.from({ length: fifty }, () => getCode(issuer, conf, { user: alice, browser: browser.copy() })),
      );
      const replies = await Promise.all(
        codes.map((code, n) => exchange(n % 2 === 0 ? issuer : (second?.origin ?? issuer), code)),
      );
      assert.equal(successes(replies).length, fifty, replies.find((reply) => reply.status !== 200)?.text);
    });

    const twoProcesses = database.name === "PostgreSQL" ? it : undefined;
    twoProcesses?.("F-38 one process is paused: the other serves, and the first goes on where it was", async () => {
      assert.ok(second);
      const { issuer, conf, alice } = world();
      const code = await getCode(issuer, conf, { user: alice });
      second.process().signal("SIGSTOP");
      const paused = exchange(second.origin, code);
      const served = await exchange(issuer, code);
      assert.equal(served.status, 200, served.text);
      second.process().signal("SIGCONT");
      const late = await paused;
      assert.equal(`${late.status} ${late.json?.error}`, "400 invalid_grant", late.text);
      // It was a replay by whoever could have redeemed it: the grant is cut for both.
      assert.equal((await introspect(second.origin, conf, served.json.access_token)).json.active, false);
    });

    it("F-47 one consent form sent ten times at once gives one code", async () => {
      const { client, issuer, alice } = world();
      const app = client("impatient");
      const browser = createBrowser(issuer);
      const start = await browser.open(authorizationUrl(issuer, app, { code_challenge: createPkce().challenge }));
      const consent = await browser.press(start, "submit", { username: alice.email, password: alice.password });
      assert.ok(consent.has("allow"), consent.text);
      const ends = await Promise.all(Array.from({ length: 10 }, () => browser.copy().press(consent, "allow")));
      for (const end of ends) assert.ok(end.foreign || end.status < 500, `${end.status} ${end.text}`);
      const codes = new Set(ends.filter((end) => end.foreign).map((end) => end.url.searchParams.get("code")));
      codes.delete(null);
      assert.equal(codes.size, 1, `${codes.size} codes from one request`);
    });
  });

  suite("races of a client that wants no retry window", () => {
    const world = useWorld(() => ({ config: { lifetimes: { refreshRetry: 0 } } }));

    it("fifty uses of one refresh token: one succeeds, and then the grant is cut", async () => {
      const { issuer, pub, alice } = world();
      const { refresh_token } = await getTokens(issuer, pub, { user: alice });
      const replies = await Promise.all(Array.from({ length: fifty }, () => refresh(issuer, pub, refresh_token)));
      const answered = replies.filter((reply) => reply.status === 200);
      assert.equal(answered.length, 1);
      for (const reply of replies) assert.ok(reply.status === 200 || reply.json?.error === "invalid_grant", reply.text);
      assert.equal((await refresh(issuer, pub, answered[0]?.json.refresh_token)).json.error, "invalid_grant");
      assert.equal((await userinfo(issuer, answered[0]?.json.access_token)).status, 401);
    });

    it("fifty sign-ins of one browser at once end at the client", async () => {
      const { issuer, conf, alice } = world();
      const browser = createBrowser(issuer);
      await walk(browser, authorizationUrl(issuer, conf, { code_challenge: createPkce().challenge }), { user: alice });
      // One jar, as in a browser that restores its tabs: every transaction has its own cookie.
      const ends = await Promise.all(
        Array.from({ length: fifty }, (_, n) =>
          browser.open(authorizationUrl(issuer, conf, { state: `tab-${n}`, code_challenge: createPkce().challenge })),
        ),
      );
      assert.equal(new Set(ends.map((end) => end.url.searchParams.get("code"))).size, fifty);
      for (const [n, end] of ends.entries()) assert.equal(end.url.searchParams.get("state"), `tab-${n}`);
    });
  });
});
