/**
 * Death under load: the server is killed ten times, and PostgreSQL is cut off underneath it.
 *
 * What was answered with 200 is there afterwards, a code is never redeemed twice, and while the database is away the answer is
 * 503 with Retry-After: a client that is told invalid_grant throws its tokens away. Faults F-02, P19 and P20.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import type { FetchBrowser } from "./lib/browser.ts";
import { onEachDatabase } from "./lib/each-database.ts";
import { usePostgres, useWorld, type World } from "./lib/fixtures.ts";
import { type Code, exchange, getCode, getTokens, introspect, postAs, type Reply, refresh } from "./lib/flow.ts";
import { sideBySide, suite } from "./lib/suites.ts";
import { until } from "./lib/until.ts";

const kills = 10;
const workers = 6;

/** What one worker knows when the server is gone. */
interface Ledger {
  /** Answered with 200: the code, and what it gave. */
  readonly redeemed: { readonly code: Code; readonly access_token: string; readonly refresh_token: string }[];
  /** Sent, and no answer came. */
  readonly unanswered: Code[];
  /** The newest refresh token of a chain that was answered. */
  chain: string;
}

/** Gets codes, redeems them and refreshes until the connection breaks. */
async function work(
  { issuer, conf, alice }: World,
  browser: FetchBrowser,
  ledger: Ledger,
  acknowledged: () => void,
): Promise<void> {
  for (;;) {
    const code = await getCode(issuer, conf, { user: alice, browser }).catch(() => undefined);
    if (!code) return;
    const reply = await exchange(issuer, code).catch(() => undefined);
    if (!reply) {
      ledger.unanswered.push(code);
      return;
    }
    assert.equal(reply.status, 200, reply.text);
    ledger.redeemed.push({ code, access_token: reply.json.access_token, refresh_token: reply.json.refresh_token });
    acknowledged();
    const rotated = await refresh(issuer, conf, ledger.chain).catch(() => undefined);
    if (!rotated) return;
    assert.equal(rotated.status, 200, rotated.text);
    ledger.chain = rotated.json.refresh_token;
    acknowledged();
  }
}

sideBySide("death under load", () => {
  onEachDatabase("kill -9 under load", (database) => {
    const world = useWorld(async () => ({
      database: await database.fresh(),
      config: { scopes: { "jobs:run": "Run jobs" } },
      clients: { machine: { grant_types: ["client_credentials"], scope: "jobs:run", redirect_uris: [] } },
    }));
    const rounds = kills;

    it("in the middle of the benchmark's load, 32 at a time in groups of one commit: every token that was answered is there", async (test) => {
      const { issuer, server, client } = world();
      const machine = client("machine");
      const answered: string[] = [];
      let killing: Promise<unknown> | undefined;
      const ask = async () => {
        for (;;) {
          const form = { grant_type: "client_credentials" };
          const reply = await postAs(new URL("/token", issuer), machine, form).catch(() => undefined);
          if (reply === undefined) return;
          assert.equal(reply.status, 200, reply.text);
          if (answered.push(reply.json.access_token) === 400) killing = server.kill();
        }
      };
      await Promise.all(Array.from({ length: 32 }, ask));
      await killing;
      await server.restart();
      for (const token of answered) assert.equal((await introspect(issuer, machine, token)).json.active, true);
      test.diagnostic(`${answered.length} tokens were answered`);
    });

    it(`${rounds} times: every acknowledged token exists, no code is redeemed twice, chains go on`, async (test) => {
      const here = world();
      const { issuer, server, conf, alice } = here;
      let total = 0;
      const first = await getTokens(issuer, conf, { user: alice });
      for (let round = 1; round <= rounds; round++) {
        const ledgers = await Promise.all(
          Array.from({ length: workers }, async (): Promise<Ledger> => {
            const { refresh_token } = await getTokens(issuer, conf, { user: alice, browser: first.browser.copy() });
            return { redeemed: [], unanswered: [], chain: refresh_token };
          }),
        );
        // The moment of death moves from round to round: after so many acknowledgements, in the middle of others.
        let left = 10 + 3 * round;
        const killed = Promise.withResolvers<void>();
        const acknowledged = () => {
          left -= 1;
          if (left === 0) server.kill().then(() => killed.resolve(), killed.reject);
        };
        await Promise.all([
          killed.promise,
          ...ledgers.map((ledger) => work(here, first.browser.copy(), ledger, acknowledged)),
        ]);
        await server.restart();
        for (const ledger of ledgers) {
          for (const { code, access_token, refresh_token } of ledger.redeemed) {
            total += 1;
            assert.equal(
              (await introspect(issuer, conf, access_token)).json.active,
              true,
              `round ${round}: an acknowledged access token is gone`,
            );
            assert.equal(
              (await introspect(issuer, conf, refresh_token)).json.active,
              true,
              `round ${round}: an acknowledged refresh token is gone`,
            );
            const twice = await exchange(issuer, code);
            assert.equal(
              `${twice.status} ${twice.json?.error}`,
              "400 invalid_grant",
              `round ${round}: a code was redeemed twice`,
            );
          }
          for (const code of ledger.unanswered) {
            // Either it was never redeemed, or it was and nobody heard: both ways it is redeemed once at most from now on.
            const once = await exchange(issuer, code);
            assert.ok(once.status === 200 || once.json?.error === "invalid_grant", once.text);
            assert.equal((await exchange(issuer, code)).json?.error, "invalid_grant");
          }
          const goesOn = await refresh(issuer, conf, ledger.chain);
          assert.equal(
            goesOn.status,
            200,
            `round ${round}: the newest acknowledged refresh token does not work: ${goesOn.text}`,
          );
        }
      }
      assert.ok(total >= rounds, "there was no load");
      test.diagnostic(`${total} acknowledged redemptions over ${rounds} kills`);
    });
  });

  suite("PostgreSQL is restarted underneath", () => {
    const postgres = usePostgres({ durable: true });
    const world = useWorld(async () => ({ database: await postgres().createDatabase() }));

    it("P20 503 with Retry-After while it is away, never invalid_grant; afterwards everything acknowledged works", async () => {
      const { issuer, conf, alice, server } = world();
      const first = await getTokens(issuer, conf, { user: alice });
      const chains = await Promise.all(
        Array.from({ length: workers }, async () => ({
          token: (await getTokens(issuer, conf, { user: alice, browser: first.browser.copy() })).refresh_token,
        })),
      );
      const code = await getCode(issuer, conf, { user: alice, browser: first.browser.copy() });
      const seen: Reply[] = [];
      let over = false;
      let died: unknown;
      const load = chains.map(async (chain) => {
        while (!over) {
          const reply = await refresh(issuer, conf, chain.token);
          seen.push(reply);
          if (reply.status === 200) chain.token = reply.json.refresh_token;
        }
      });
      Promise.all(load).catch((error: unknown) => {
        died = error;
      });
      const latest = (status: number) => {
        assert.equal(died, undefined, `the server is gone: ${server.output().slice(-3_000)}`);
        return seen.at(-1)?.status === status;
      };
      for (let round = 0; round < 2; round++) {
        await until(() => latest(200), "an answer with 200");
        await postgres().crash();
        await until(() => latest(503), "an answer with 503");
        const away = await exchange(issuer, code);
        assert.equal(away.status, 503, away.text);
        assert.match(away.headers.get("Retry-After") ?? "", /^[0-9]+$/);
        assert.notEqual(away.json?.error, "invalid_grant");
        assert.equal(
          (await introspect(issuer, conf, first.access_token)).status,
          503,
          "not even introspection says inactive",
        );
        assert.equal((await fetch(new URL("/healthz", issuer))).status, 200, "the process is alive");
        assert.equal((await fetch(new URL("/readyz", issuer))).status, 503);
        await postgres().restart();
      }
      await until(() => latest(200), "an answer with 200");
      over = true;
      await Promise.all(load);
      for (const reply of seen) {
        assert.ok(reply.status === 200 || reply.status === 503, `${reply.status} ${reply.text}`);
        if (reply.status === 503) assert.match(reply.headers.get("Retry-After") ?? "", /^[0-9]+$/);
      }
      assert.equal((await fetch(new URL("/readyz", issuer))).status, 200);
      assert.equal((await exchange(issuer, code)).status, 200, "the code was not lost, nor used up, in between");
      for (const chain of chains) assert.equal((await refresh(issuer, conf, chain.token)).status, 200);
      assert.equal((await introspect(issuer, conf, first.access_token)).json.active, true);
      await server.stop();
    });
  });
});
