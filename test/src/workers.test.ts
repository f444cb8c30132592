/**
 * `valetkey serve --workers 2`: two processes that answer at one address, on one PostgreSQL, under one parent.
 *
 * A worker that is killed takes its connections with it and nothing else: another comes in its place, what was answered stays, and
 * the end that SIGTERM asks for waits for what is under way. What stops a single process from starting stops them all, in the same words.
 */
import assert from "node:assert/strict";
import { get } from "node:http";
import { after, before, describe, it } from "node:test";
import { createBrowser } from "./lib/browser.ts";
import { childrenOf, isAlive, ticksOf } from "./lib/children.ts";
import { startWorld, usePostgres, type World } from "./lib/fixtures.ts";
import { getTokens, introspect, refresh } from "./lib/flow.ts";
import { halfSent } from "./lib/half-sent.ts";
import { listen } from "./lib/http-listener.ts";
import { install, type RunningServer, serve } from "./lib/server.ts";
import { until } from "./lib/until.ts";

const two = ["--workers", "2"];
const workersOf = (server: RunningServer) => childrenOf(server.process().pid);

/** Sends one request on a connection of its own; resolves to the status, or to `gone` where no answer came. */
function askOnce(issuer: string, path = "/healthz"): Promise<number | "gone"> {
  return new Promise((resolve) => {
    // Who connects in the moment everything ends may be left waiting until it has ended: that is "gone" too.
    const asked = get(new URL(path, issuer), { agent: false, signal: AbortSignal.timeout(5_000) }, (answer) => {
      answer.resume().once("end", () => resolve(answer.statusCode ?? 0));
    });
    asked.once("error", () => resolve("gone"));
  });
}

describe("several workers", { concurrency: 1 }, () => {
  const postgres = usePostgres();

  describe("on PostgreSQL", { concurrency: 1 }, () => {
    let world: World;
    before(async () => {
      world = await startWorld({ database: await postgres().createDatabase(), args: two });
    });
    after(async () => {
      await world?.server[Symbol.asyncDispose]();
    });

    it("says once that it is ready, and both answer", async () => {
      const { server, issuer } = world;
      assert.deepEqual(server.process().stdout(), `ready ${issuer}\n`);
      const workers = workersOf(server);
      assert.equal(workers.length, 2);
      const started = () =>
        [...server.output().matchAll(/"event":"worker.started","pid":(\d+)/g)].map(([, pid]) => Number(pid));
      await until(() => started().length === 2, "a line for each worker");
      assert.deepEqual(new Set(started()), new Set(workers));
      const ticks = workers.map(ticksOf);
      await until(async () => {
        const seen = await Promise.all(Array.from({ length: 40 }, () => askOnce(issuer, "/authorize")));
        assert.ok(
          seen.every((status) => status === 400),
          `${seen}`,
        );
        return workers.every((pid, at) => ticksOf(pid) > (ticks[at] ?? 0));
      }, "both workers use a processor");
    });

    it("a worker that is killed is replaced, and nothing that was answered is lost", async (test) => {
      const { server, issuer, conf, alice } = world;
      const first = await getTokens(issuer, conf, { user: alice });
      const [victim = 0, other = 0] = workersOf(server);
      const chains = await Promise.all(
        Array.from({ length: 6 }, async () => {
          const { refresh_token } = await getTokens(issuer, conf, { user: alice, browser: first.browser.copy() });
          return { token: refresh_token, answers: 0, gone: 0 };
        }),
      );
      const answered: string[] = [];
      let over = false;
      const load = chains.map(async (chain) => {
        while (!over) {
          const reply = await refresh(issuer, conf, chain.token).catch(() => undefined);
          if (reply === undefined) {
            chain.gone += 1;
            continue;
          }
          // Within the time of a retry the same token is answered again, whether or not its first use was heard.
          assert.equal(reply.status, 200, reply.text);
          chain.answers += 1;
          chain.token = reply.json.refresh_token;
          answered.push(reply.json.access_token);
        }
      });
      await until(() => answered.length > 12, "load");
      process.kill(victim, "SIGKILL");
      const before = answered.length;
      await server.process().waitForLine('"event":"worker.replaced"');
      await until(() => answered.length > before + 12, "load afterwards");
      over = true;
      await Promise.all(load);
      const now = workersOf(server);
      assert.equal(now.length, 2);
      assert.ok(
        now.includes(other) && !now.includes(victim),
        `${now} after ${victim} of ${[victim, other]} was killed`,
      );
      for (const token of answered) {
        assert.equal((await introspect(issuer, conf, token)).json.active, true, "an acknowledged token is gone");
      }
      const gone = chains.reduce((sum, chain) => sum + chain.gone, 0);
      assert.ok(gone <= chains.length, `${gone} requests of ${chains.length} connections failed`);
      test.diagnostic(`${answered.length} answered, ${gone} connections died with the worker`);
    });

    it("a connection that was handed to a worker which died before it looked is ended, not left hanging", async () => {
      const { server, issuer } = world;
      const [victim = 0] = workersOf(server);
      process.kill(victim, "SIGSTOP");
      // Enough that at least one is on its way to the one that does not look.
      const asked = Array.from({ length: 8 }, () => askOnce(issuer));
      await until(async () => (await askOnce(issuer)) === 200, "the other worker answers alone");
      process.kill(victim, "SIGKILL");
      const seen = await Promise.all(asked);
      assert.ok(
        seen.every((status) => status === 200 || status === "gone"),
        `${seen}`,
      );
      assert.ok(seen.filter((status) => status === "gone").length <= 1, `${seen}`);
      await until(() => workersOf(server).length === 2 && !workersOf(server).includes(victim), "a replacement");
    });

    it("SIGTERM to the parent answers what is under way, and then all are gone", async () => {
      const { server, issuer, conf, alice } = world;
      const { access_token } = await getTokens(issuer, conf, { user: alice });
      const requests = await Promise.all(Array.from({ length: 4 }, () => halfSent(issuer, conf, access_token)));
      const workers = workersOf(server);
      const ended = server.stop();
      await until(async () => (await askOnce(issuer)) === "gone", "nothing new is accepted");
      for (const answer of await Promise.all(requests.map((request) => request.finish()))) {
        assert.match(answer, /^HTTP\/1\.1 200 /);
        assert.match(answer, /"active":true/);
      }
      assert.deepEqual(await ended, { code: 0, signal: null });
      assert.deepEqual(workers.filter(isAlive), []);
    });
  });

  it("the link to the first account outlives the worker that made it; workers do not outlive their parent", async () => {
    const server = await serve(await install({ database: await postgres().createDatabase(), args: two }));
    try {
      const line = await server.process().waitForLine("/setup?token=");
      const [victim = 0] = workersOf(server);
      process.kill(victim, "SIGKILL");
      await server.process().waitForLine('"event":"worker.replaced"');
      const link = /http:\S+/.exec(line)?.[0] ?? "";
      const page = await createBrowser(server.issuer).open(link);
      assert.equal(page.status, 200, page.text);
      assert.equal(server.output().split("/setup?token=").length, 2, "there is one link");
      const workers = workersOf(server);
      await server.kill();
      await until(() => !workers.some(isAlive), "the workers end");
    } finally {
      await server[Symbol.asyncDispose]();
    }
  });

  it("SQLite is refused, and so is what would stop a single process, each with its own error", async () => {
    const sqlite = await install({ args: two });
    const refused = await sqlite.refuse();
    assert.equal(refused.code, 3, refused.stderr);
    assert.match(refused.stderr, /^✗ VK3000 .*\n +workers +must be 1 with SQLite.*PostgreSQL/);
    assert.equal(refused.stdout, "");
    const doctor = await sqlite.cli(["doctor", "--json"], "");
    assert.equal(doctor.code, 0, "only the command line asked for two");
    await sqlite.remove();

    const away = await install({ database: "postgres://postgres@127.0.0.1:1/none", args: two });
    const unusable = await away.refuse();
    assert.equal(unusable.code, 8, unusable.stderr);
    assert.match(unusable.stderr, /^✗ VK8001 /);
    await away.remove();

    await using taken = await listen((_, response) => void response.end());
    const busy = await install({ database: await postgres().createDatabase(), args: two });
    const inUse = await busy.refuse({ env: { PORT: new URL(taken.origin).port } });
    assert.equal(inUse.code, 6, inUse.stderr);
    assert.match(inUse.stderr, /^✗ VK6003 /);
    await busy.remove();
  });

  it("auto is one worker for each core, and one with SQLite", async () => {
    await using server = await serve(await install({ env: { VALETKEY_WORKERS: "auto" } }));
    assert.deepEqual(workersOf(server), []);
    await server.process().waitForLine(/^ {2}workers +1 +\(auto is one with SQLite; more need PostgreSQL\)$/);
    const wrong = await server.cli(["serve", "--workers", "x"]);
    assert.match(wrong.stderr, /It must be a whole number of at least 1, or auto\./);
  });
});
