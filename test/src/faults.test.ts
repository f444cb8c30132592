/**
 * What goes wrong around the server: configurations, connections, requests, and the moment it is told to stop.
 *
 * Faults F-33, F-40, F-41 and rows DO-04, DO-07, DO-10, CD-11, AD-14 of the catalogue.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { before, it } from "node:test";
import { createBrowser } from "./lib/browser.ts";
import { startWorld, strangersCallback, useWorld } from "./lib/fixtures.ts";
import { exchange, getCode, getTokens, introspect, refresh, revoke, signIn, userinfo } from "./lib/flow.ts";
import { install, startServer } from "./lib/server.ts";
import { sideBySide, suite } from "./lib/suites.ts";
import { until } from "./lib/until.ts";

/** Sends raw bytes and gives what comes back until the server closes or `enough` says so. */
async function raw(port: number, text: string, enough: (answer: string) => boolean = () => false): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let answer = "";
    const timer = setTimeout(() => socket.destroy(new Error(`no end within 30 s: ${answer}`)), 30_000);
    socket.setEncoding("latin1");
    socket.on("data", (part) => {
      answer += part;
      if (enough(answer)) socket.destroy();
    });
    socket.on("error", (error: NodeJS.ErrnoException) =>
      error.code === "ECONNRESET" || error.code === "EPIPE" ? undefined : reject(error),
    );
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(answer);
    });
    socket.write(text, "latin1");
  });
}

sideBySide("faults", () => {
  suite("configuration", () => {
    it("F-33 every mistake is named at once with its fix, exit code 3, and no secret is in it", async () => {
      const installation = await install({
        config: {
          isuer: "x",
          clients: [{ client_id: "a", redirect_uris: "no list", client_secret: "sentinel" }],
          lifetimes: { code: "soon" },
        },
        env: {
          VALETKEY_ISSUER: "http://id.example.org",
          PORT: "99999",
          VALETKEY_SECRET: "sentinel-short",
          VALETKEY_DATABASE_URL: "mysql://sentinel@x",
        },
      });
      try {
        const refused = await installation.refuse();
        assert.equal(refused.code, 3, `${refused.code} ${refused.stderr}`);
        assert.equal(refused.stdout, "");
        for (const name of [
          "isuer",
          "issuer",
          "redirect_uris",
          "client_secret",
          "lifetimes.code",
          "port",
          "secret",
          "database",
        ]) {
          assert.ok(refused.stderr.includes(name), `${name} is not named:\n${refused.stderr}`);
        }
        assert.doesNotMatch(refused.stderr, /sentinel/);
        assert.doesNotMatch(refused.stderr, /^\s+at /m);
        assert.deepEqual(
          await readdir(installation.folder).then((names) => names.includes("data")),
          false,
          "nothing was created",
        );
      } finally {
        await installation.remove();
      }
    });

    it("refuses what would be unsafe: https without a secret of one's own, http off loopback, a secret that is none", async () => {
      const unsafe = [
        { VALETKEY_ISSUER: "https://id.example.org", VALETKEY_SECRET: undefined },
        { VALETKEY_ISSUER: "http://id.example.org" },
        { VALETKEY_ISSUER: "https://id.example.org/?x=1" },
        { VALETKEY_SECRET: "a".repeat(40) },
        { HOST: "0.0.0.0", VALETKEY_ISSUER: undefined },
      ];
      const refuse = async (env: (typeof unsafe)[number]) => {
        const installation = await install({ env });
        const refused = await installation.refuse();
        await installation.remove();
        assert.equal(refused.code, 3, `${JSON.stringify(env)}: ${refused.code} ${refused.stderr}`);
      };
      await Promise.all(unsafe.map(refuse));
    });

    it("another secret than the one the keys were made with: refuses to start; together with the old one it starts", async () => {
      const world = await startWorld();
      await using server = world.server;
      const { issuer, conf, alice } = world;
      const tokens = await getTokens(issuer, conf, { user: alice });
      await server.stop();
      const other = randomBytes(32).toString("base64url");
      const refused = await server.refuse({ env: { VALETKEY_SECRET: other } });
      assert.notEqual(refused.code, 0);
      assert.match(refused.stderr, /secret/i);
      assert.ok(!refused.stderr.includes(other) && !refused.stderr.includes(server.secret));
      const both = await server.start({ env: { VALETKEY_SECRET: `${other},${server.secret}` } });
      assert.equal((await refresh(issuer, conf, tokens.refresh_token)).status, 200);
      await both.stop();
    });
  });

  suite("connections and requests", () => {
    const world = useWorld();
    const slow: Promise<string>[] = [];
    before(() => {
      const { port } = world().server;
      // Started first and looked at last, so that nobody waits for them.
      const drip = (start: string, next: string) =>
        new Promise<string>((resolve) => {
          const socket: Socket = connect(port, "127.0.0.1");
          let answer = "";
          const timer = setInterval(() => socket.write(next), 1_000);
          socket.on("data", (part) => {
            answer += part.toString("latin1");
          });
          socket.on("error", () => {});
          socket.on("close", () => {
            clearInterval(timer);
            resolve(answer);
          });
          socket.write(start);
        });
      for (let n = 0; n < 20; n++) {
        slow.push(drip("POST /token HTTP/1.1\r\nHost: x\r\nX: ", "x"));
        slow.push(
          drip(
            "POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n",
            "x",
          ),
        );
      }
    });

    it("DO-10 what two servers could read differently is refused: 400 or the end of the connection", async () => {
      const { port } = world().server;
      const type = "Content-Type: application/x-www-form-urlencoded";
      const requests = [
        `POST /token HTTP/1.1\r\nHost: x\r\n${type}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
        `POST /token HTTP/1.1\r\nHost: x\r\n${type}\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\na=b&c`,
        "GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        "GET http://evil.test/healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
        "GET /healthz HTTP/1.1\nHost: x\n\n",
        "GET /healthz\r\n\r\n",
        "GET /healthz HTTP/1.1\r\n\r\n",
        `GET /healthz HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(40_000)}\r\n\r\n`,
        "CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
      ];
      for (const text of requests) {
        const answer = await raw(port, text, (so) => so.includes("\r\n\r\n"));
        assert.match(answer, /^(HTTP\/1\.1 4\d\d .*|)/, text.slice(0, 60));
        assert.doesNotMatch(answer, /^HTTP\/1\.1 (2|5)/, `${text.slice(0, 60)}: ${answer.slice(0, 60)}`);
      }
      assert.equal((await fetch(new URL("/healthz", world().issuer))).status, 200);
    });

    it("DO-07 compressed bodies are not unpacked: 415", async () => {
      for (const encoding of ["gzip", "br", "deflate", "gzip, gzip"]) {
        const answer = await fetch(new URL("/token", world().issuer), {
          method: "POST",
          headers: { "Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": encoding },
          body: new Uint8Array(randomBytes(100)),
        });
        assert.equal(answer.status, 415, encoding);
      }
    });

    it("AD-14 health says nothing but that; nothing else is there: no metrics, no source, no TRACE", async () => {
      const { issuer, server } = world();
      const health = await fetch(new URL("/healthz", issuer));
      assert.equal((await health.text()).trim(), "ok");
      for (const path of [
        "/metrics",
        "/debug",
        "/.env",
        "/.git/config",
        "/package.json",
        "/assets/",
        "/assets/..%2f..%2fpackage.json",
        "/assets/../../package.json",
        "/data/valetkey.db",
        "//evil.test/",
        "/%00",
        "/%",
      ]) {
        const answer = await raw(
          server.port,
          `GET ${path} HTTP/1.1\r\nHost: localhost:${server.port}\r\nConnection: close\r\n\r\n`,
        );
        assert.match(answer, /^HTTP\/1\.1 4\d\d /, `${path}: ${answer.slice(0, 80)}`);
        assert.doesNotMatch(answer, /node_modules|\.ts:|\.js:\d|X-Powered-By|^Server:/im);
      }
      const trace = await raw(
        server.port,
        `TRACE / HTTP/1.1\r\nHost: x\r\nAuthorization: sentinel\r\nConnection: close\r\n\r\n`,
      );
      assert.doesNotMatch(trace, /sentinel/);
      assert.match(trace, /^HTTP\/1\.1 4/);
    });

    it("F-41 clients that hang up in the middle do no harm to others, nor to their own tokens", async () => {
      const { issuer, server, pub, alice } = world();
      const { refresh_token } = await getTokens(issuer, pub, { user: alice });
      const body = new URLSearchParams({
        grant_type: "refresh_token",
        refresh_token,
        client_id: pub.client_id,
      }).toString();
      const head = `POST /token HTTP/1.1\r\nHost: localhost:${server.port}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\n`;
      const hangUp = (text: string) =>
        new Promise<void>((resolve) => {
          const socket = connect(server.port, "127.0.0.1", () => socket.write(text, () => socket.resetAndDestroy()));
          socket.on("error", () => {});
          socket.on("close", () => resolve());
        });
      // Whole requests whose answers nobody hears, half ones, and bare connections.
      await Promise.all(
        Array.from({ length: 60 }, (_, n) =>
          hangUp(n % 3 === 0 ? head + body : n % 3 === 1 ? head + body.slice(0, 20) : ""),
        ),
      );
      const again = await refresh(issuer, pub, refresh_token);
      assert.equal(again.status, 200, `a client that did not hear the answer asks again: ${again.text}`);
      assert.equal((await fetch(new URL("/readyz", issuer))).status, 200);
      assert.doesNotMatch(server.output(), /unhandled|uncaught/i);
    });

    it("F-40 with few file descriptors and many connections it neither dies nor spins, and serves again afterwards", async () => {
      await using server = await startServer({ wrapper: ["prlimit", "--nofile=96"] });
      const sockets = Array.from({ length: 200 }, () => {
        const socket = connect(server.port, "127.0.0.1");
        socket.on("error", () => {});
        return socket;
      });
      await Promise.all(
        sockets
          .slice(0, 20)
          .map(
            (socket) =>
              new Promise((resolve) => (socket.readyState === "open" ? resolve(0) : socket.once("connect", resolve))),
          ),
      );
      for (const socket of sockets) socket.destroy();
      await until(async () => {
        try {
          return (await fetch(new URL("/readyz", server.issuer))).status === 200;
        } catch {
          return false;
        }
      }, "it serves again");
    });

    it("DO-04 senders that drip are cut off within 30 seconds, and everybody else was served meanwhile", async () => {
      const { issuer, conf, alice } = world();
      assert.equal((await exchange(issuer, await getCode(issuer, conf, { user: alice }))).status, 200);
      const deadline = new Promise<"late">((resolve) => setTimeout(resolve, 35_000, "late").unref());
      const answers = await Promise.race([Promise.all(slow), deadline]);
      assert.notEqual(answers, "late", "a connection is still open");
      for (const answer of answers) assert.doesNotMatch(String(answer), /^HTTP\/1\.1 (2|5)/);
    });
  });

  suite("the end", () => {
    it("SIGTERM: what is under way is answered, nothing new is accepted, exit code 0", async () => {
      const world = await startWorld();
      await using server = world.server;
      const { issuer, conf, alice } = world;
      const code = await getCode(issuer, conf, { user: alice });
      const body = new URLSearchParams({
        grant_type: "authorization_code",
        code: code.code,
        redirect_uri: conf.redirect_uri,
        code_verifier: code.verifier,
        client_id: conf.client_id,
        client_secret: conf.client_secret ?? "",
      }).toString();
      const { Authorization } = {
        Authorization: `Basic ${Buffer.from(`${conf.client_id}:${conf.client_secret}`).toString("base64")}`,
      };
      const form = body.replace(/&client_id=.*$/, "");
      const head = `POST /token HTTP/1.1\r\nHost: localhost:${server.port}\r\nAuthorization: ${Authorization}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${form.length}\r\n\r\n`;
      let answer = "";
      const socket = connect(server.port, "127.0.0.1");
      socket.on("data", (part) => {
        answer += part.toString("latin1");
      });
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.write(head + form.slice(0, 10));
      // The server has the first half when it answers something that was sent later.
      assert.equal((await fetch(new URL("/healthz", issuer))).status, 200);
      server.process().signal("SIGTERM");
      await until(
        async () => (await fetch(new URL("/healthz", server.origin)).catch(() => undefined)) === undefined,
        "nothing new is accepted",
      );
      socket.write(form.slice(10));
      await closed;
      assert.match(answer, /^HTTP\/1\.1 200 /, answer);
      const ended = await server.process().ended;
      assert.deepEqual(ended, { code: 0, signal: null });
      const { access_token } = JSON.parse(answer.slice(answer.indexOf("{"), answer.lastIndexOf("}") + 1)) as {
        access_token: string;
      };
      await server.restart();
      assert.equal((await introspect(issuer, conf, access_token)).json.active, true, "what it answered last is there");
    });

    it("CD-11 no code, token, password, secret, cookie or link is in what the server prints, at the most talkative level", async () => {
      const world = await startWorld({ bob: true, env: { LOG_LEVEL: "debug" }, args: ["--registration", "open"] });
      await using server = world.server;
      const { issuer, conf, alice, bob } = world;
      const code = await getCode(issuer, conf, { user: alice, params: { scope: "openid profile email" } });
      const first = (await exchange(issuer, code)).json;
      const second = (await refresh(issuer, conf, first.refresh_token)).json;
      await introspect(issuer, conf, second.access_token);
      await userinfo(issuer, second.access_token);
      await exchange(issuer, code);
      await exchange(issuer, { ...code, code: `${code.code}x` });
      await refresh(issuer, conf, second.refresh_token);
      await revoke(issuer, conf, second.refresh_token);
      await fetch(new URL(`/userinfo?access_token=${first.access_token}`, issuer));
      await fetch(new URL(`/nowhere?code=${code.code}`, issuer));
      const wrong = createBrowser(issuer);
      const wrongPassword = "a wrong but secret password";
      await signIn(wrong, await wrong.open(new URL("/login", issuer)), { email: bob.email, password: wrongPassword });
      const registered = (await (
        await fetch(new URL("/register", issuer), {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ redirect_uris: [strangersCallback] }),
        })
      ).json()) as Record<string, string>;
      await server.stop();
      const output = server.output();
      assert.ok(output.length > 200, "there is a log");
      const secrets: Record<string, string | undefined> = {
        code: code.code,
        verifier: code.verifier,
        access_token: first.access_token,
        refresh_token: first.refresh_token,
        id_token: first.id_token,
        successor: second.refresh_token,
        client_secret: conf.client_secret,
        password: alice.password,
        "wrong password": wrongPassword,
        "server secret": server.secret,
        registration_access_token: registered.registration_access_token,
        "registered secret": registered.client_secret,
        ...Object.fromEntries([...code.browser.cookies("localhost")].map(([name, value]) => [`cookie ${name}`, value])),
      };
      for (const [name, value] of Object.entries(secrets)) {
        assert.ok(value !== undefined && value.length > 10, name);
        assert.ok(!output.includes(value), `${name} is in the log`);
      }
    });
  });
});
