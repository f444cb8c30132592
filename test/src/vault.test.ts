/**
 * Tokens that several processes keep alive together: one refresh in flight, and no account lost when a process is killed.
 *
 * RFC 6749 §6, RFC 9700 §4.14.2. Rows RP-19, F-57 of the catalogue of attacks, and rule 12 of the house.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Auth, OAuth } from "@valetkey/client";
import type { OpenStore } from "@valetkey/store";
import { type RunningProcess, startProcess } from "@valetkey/test-support/process";
import { createBrowser, type FetchBrowser } from "./lib/browser.ts";
import { codeAndRefresh, usePostgres, useWorld } from "./lib/fixtures.ts";
import { signIn } from "./lib/flow.ts";
import { freePort } from "./lib/server.ts";
import { startStrictIssuer } from "./lib/strict-issuer.ts";
import { sideBySide, suite } from "./lib/suites.ts";
import { makeApp, openStore, type Shared, serveApp } from "./lib/vault-app.ts";
import type { Moment, Task } from "./lib/vault-process.ts";

const program = resolve(import.meta.dirname, "lib/vault-process.js");
const secret = "one secret that all the processes share";

/** The application in this process, over the store that all share. */
interface Here {
  readonly oauth: OAuth;
  close(): Promise<void>;
}

async function open(shared: Shared): Promise<Here> {
  const store: OpenStore = await openStore(shared);
  const oauth = makeApp(shared, store);
  const server: Server = await serveApp(oauth, Number(new URL(shared.baseUrl).port));
  const close = async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
    await store.close();
  };
  return { oauth, close };
}

const cookieOf = (browser: FetchBrowser): string => `vk_app=${browser.cookies("127.0.0.1").get("vk_app")}`;

async function authOf({ oauth }: Here, shared: Shared, cookie: string): Promise<Auth> {
  const auth = await oauth.session(new Request(shared.baseUrl, { headers: { cookie } }));
  assert.ok(auth, "signed in");
  return auth;
}

const spawn = (task: Task): Promise<RunningProcess> =>
  startProcess(process.execPath, [program, JSON.stringify(task)], { ready: "ready", timeout: 30_000 });

/** As many callers in as many processes, all at once, against an issuer that forgives nothing. */
async function crowd(database: string, processes: number, callers: number): Promise<void> {
  await using issuer = await startStrictIssuer(300);
  const shared: Shared = {
    database,
    secret,
    kind: "oauth2",
    issuer: issuer.url,
    client: { client_id: "app", client_secret: "s" },
    baseUrl: `http://127.0.0.1:${await freePort()}`,
  };
  const here = await open(shared);
  try {
    const browser = createBrowser([shared.baseUrl, issuer.url]);
    assert.equal((await browser.open(`${shared.baseUrl}/auth/login/acme`)).text, "in");
    const cookie = cookieOf(browser);
    const task: Task = { ...shared, cookie, url: `${issuer.url}/api`, calls: callers / processes };
    const running = await Promise.all(Array.from({ length: processes }, () => spawn(task)));
    const done = running.map((one) => one.waitForLine("done"));
    for (const one of running) one.write("go\n");
    for (const line of await Promise.all(done)) assert.equal(line, `done ["200"] ${callers / processes}`);
    assert.equal(issuer.refreshes(), 1);
    const [account] = await (await authOf(here, shared, cookie)).accounts();
    assert.equal(account?.signInAgain, undefined);
    for (const one of running) await one.ended;
  } finally {
    await here.close();
  }
}

sideBySide("tokens kept alive by several processes", () => {
  suite("one refresh in flight", () => {
    const postgres = usePostgres();

    it("RP-19 200 callers in 4 processes over PostgreSQL: one refresh request", async () => {
      await crowd(await postgres().createDatabase(), 4, 200);
    });

    it("RP-19 100 callers in 2 processes over SQLite: one refresh request", async () => {
      const folder = await mkdtemp(join(tmpdir(), "valetkey-vault-"));
      try {
        await crowd(join(folder, "app.db"), 2, 100);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
  });

  suite("kill -9 in mid-refresh", () => {
    const rounds = 20;
    const moments: readonly Moment[] = ["answered", "storing", "asked", "storing last", "before"];
    const postgres = usePostgres();
    let baseUrl = "";
    const world = useWorld(async () => {
      baseUrl = `http://127.0.0.1:${await freePort()}`;
      const redirect_uris = [`${baseUrl}/auth/callback/acme`];
      return {
        clients: { app: { redirect_uris, grant_types: codeAndRefresh } },
        // As the server comes: refresh tokens rotate, and an honest retry has 20 s.
        config: { lifetimes: { access: 1 } },
      };
    });
    const closing: (() => Promise<void>)[] = [];
    after(async () => {
      for (const close of closing) await close();
    });

    it(`F-57 ${rounds} processes, each killed at another moment: every account goes on by itself`, async (test) => {
      const { issuer, alice, client } = world();
      const { client_id, client_secret = "" } = client("app");
      const credentials = { client_id, client_secret };
      const database = await postgres().createDatabase();
      const shared: Shared = { database, secret, kind: "oidc", issuer, client: credentials, baseUrl };
      const here = await open(shared);
      closing.push(here.close);

      // Each round has a session, and so a refresh token, of its own.
      const person = createBrowser([issuer, baseUrl]);
      const login = `${baseUrl}/auth/login/acme`;
      const consent = await signIn(person, await person.open(login), alice);
      assert.equal((await person.press(consent, "allow")).text, "in");
      const cookies: string[] = [];
      for (let round = 0; round < rounds; round++) {
        const browser = createBrowser([issuer, baseUrl]);
        const page = await signIn(browser, await browser.open(login), alice);
        assert.equal(page.text, "in", page.text);
        cookies.push(cookieOf(browser));
      }
      await pause(1_000);

      const url = `${issuer}/userinfo`;
      const succeed = async (cookie: string, name: string) => {
        const auth = await authOf(here, shared, cookie);
        const response = await auth.fetch("acme", url).catch((e: unknown) => assert.fail(`${name}: ${e}`));
        assert.equal(response.status, 200, name);
        // The chain goes on, and nothing was noted against the account.
        await pause(1_000);
        assert.equal((await auth.fetch("acme", url)).status, 200, `${name}, later`);
        assert.equal((await auth.accounts())[0]?.signInAgain, undefined, name);
      };
      const survivors: Promise<void>[] = [];
      let killed = 0;
      const one = async (round: number) => {
        const moment = moments[round % moments.length] ?? "answered";
        const death = { moment, after: moment === "asked" ? randomInt(30) : randomInt(4) };
        const cookie = cookies[round] ?? "";
        const running = await spawn({ ...shared, cookie, url, calls: 5, death });
        running.write("go\n");
        const { signal } = await running.ended;
        if (signal === "SIGKILL") killed += 1;
        survivors.push(succeed(cookie, `round ${round}, killed ${moment} + ${death.after} ms`));
      };
      // Two at a time: as many as there are on a small machine.
      for (let round = 0; round < rounds; round += 2) await Promise.all([one(round), one(round + 1)]);
      await Promise.all(survivors);
      assert.ok(killed >= rounds / 2, `only ${killed} processes were killed in time`);
      test.diagnostic(`${killed} of ${rounds} processes were killed before they were done`);
    });
  });
});
