import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { TextResponse } from "@valetkey/protocol/text-response";
import type { Log } from "@valetkey/provider/op";
import { type Answerer, type Limits, type Listener, type ListenOptions, listen } from "./listen.ts";
import { peerAddress } from "./peer-address.ts";

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
const quick: Partial<Limits> = { headers: 300, request: 600, interval: 50, end: 2_000 };

const notFound = async () => new Response("nothing here", { status: 404 });

async function withListener(
  answerer: Partial<Answerer>,
  work: (listener: Listener, origin: string) => Promise<void>,
  limits: Partial<Limits> = {},
): Promise<void> {
  const listener = await listen({ host: "127.0.0.1", port: 0, log: silent, limits, trustedProxies: ["127.0.0.0/8"] });
  listener.answerWith({
    origin: "http://issuer.example",
    handle: async () => undefined,
    ready: async () => true,
    notFound,
    ...answerer,
  });
  try {
    await work(listener, `http://127.0.0.1:${listener.port}`);
  } finally {
    await listener.close();
  }
}

/** Sends bytes as they are; resolves to what came back until the server closed the connection. */
async function raw(port: number, bytes: string, end = false): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  if (end) socket.end(bytes);
  else socket.write(bytes);
  return text(socket).catch(() => "");
}

const echo: Partial<Answerer> = {
  handle: async (incoming, peer) =>
    Response.json({ path: new URL(incoming.url).pathname, ip: peer.ip, body: await incoming.text() }),
};

test("health says the process is up; readiness says whether store and keys can be used", async () => {
  let ready: () => Promise<boolean> = async () => true;
  await withListener({ ready: () => ready() }, async (_, origin) => {
    assert.equal((await fetch(`${origin}/healthz`)).status, 200);
    assert.equal((await fetch(`${origin}/readyz`)).status, 200);
    ready = async () => false;
    assert.equal((await fetch(`${origin}/readyz`)).status, 503);
    ready = async () => Promise.reject(new Error("down"));
    assert.equal((await fetch(`${origin}/readyz`)).status, 503);
    assert.equal((await fetch(`${origin}/healthz`)).status, 200);
  });
  const listener = await listen({ host: "127.0.0.1", port: 0, log: silent });
  assert.equal((await fetch(`http://127.0.0.1:${listener.port}/readyz`)).status, 503);
  assert.equal((await fetch(`http://127.0.0.1:${listener.port}/token`)).status, 503);
  await listener.close();
});

test("what is nobody's gets the answer for that", async () => {
  await withListener({}, async (_, origin) => {
    const answer = await fetch(`${origin}/nothing`);
    assert.deepEqual([answer.status, await answer.text()], [404, "nothing here"]);
  });
});

test("a handler that fails is 500 without detail, and the next request is served", async () => {
  let fail = true;
  const handle = async () => {
    if (fail) throw new Error("inner detail");
    return new Response("fine");
  };
  await withListener({ handle }, async (_, origin) => {
    const broken = await fetch(`${origin}/x`);
    assert.equal(broken.status, 500);
    assert.doesNotMatch(await broken.text(), /detail/);
    fail = false;
    assert.equal(await (await fetch(`${origin}/x`)).text(), "fine");
  });
});

test("an answer that cannot be written cuts the connection at once, and nothing of it is sent", async () => {
  const headers = { "X-A": "a\r\nSet-Cookie: stolen=1" };
  const handle = async () => new TextResponse("{}", { headers });
  await withListener({ handle }, async ({ port }) => {
    const started = Date.now();
    assert.equal(await raw(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "");
    assert.ok(Date.now() - started < 3_000, "not only when the client has waited too long");
  });
});

test("ambiguous or malformed HTTP is refused and the connection closed (DO-10)", async () => {
  const handled: string[] = [];
  const handle = async (incoming: Request) => {
    handled.push(incoming.url);
    return new Response(await incoming.text());
  };
  await withListener({ handle }, async ({ port }) => {
    for (const [name, bytes] of Object.entries({
      "length and chunks":
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "two lengths": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
      "two hosts": "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
      "no host": "GET / HTTP/1.1\r\n\r\n",
      "bad host": "GET / HTTP/1.1\r\nHost: a b/c\r\n\r\n",
      "absolute form": "GET http://evil.example/ HTTP/1.1\r\nHost: a\r\n\r\n",
      "two slashes": "GET //evil.example/ HTTP/1.1\r\nHost: a\r\n\r\n",
      "bare line feeds": "GET / HTTP/1.1\nHost: a\n\n",
      "folded header": "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n",
      "blank before colon": "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
      "HTTP/0.9": "GET /\r\n\r\n",
      "huge header": `GET / HTTP/1.1\r\nHost: a\r\nX-A: ${"a".repeat(20_000)}\r\n\r\n`,
      compressed: "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\na",
      garbage: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    })) {
      assert.match(await raw(port, bytes), /^HTTP\/1\.1 4\d\d /, name);
    }
    assert.deepEqual(handled, []);
  });
});

test("slow headers and slow bodies are closed, and others are served meanwhile (DO-04, F-41)", async () => {
  await withListener(
    echo,
    async ({ port }, origin) => {
      const slow = [
        raw(port, "GET / HTTP/1.1\r\nHost: a\r\nX"),
        raw(port, ""),
        raw(port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc"),
        raw(port, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
      ];
      assert.equal((await fetch(`${origin}/fine`)).status, 200);
      // Each resolves only when the server has closed the connection.
      await Promise.all(slow);
    },
    quick,
  );
});

test("a connection with too many requests that wait is cut, and others are served (DO-10)", async () => {
  const leave = Promise.withResolvers<void>();
  let begun = 0;
  const handle = async (incoming: Request) => {
    if (new URL(incoming.url).pathname === "/fine") return new Response("fine");
    begun++;
    await leave.promise;
    return new Response("late");
  };
  await withListener({ handle }, async ({ port }, origin) => {
    assert.equal(await raw(port, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n".repeat(500)), "");
    assert.equal(begun, 16);
    assert.equal(await (await fetch(`${origin}/fine`)).text(), "fine");
    leave.resolve();
  });
});

test("a client that vanishes, or never reads its answer, leaves nothing behind (F-41)", async () => {
  const large = "x".repeat(8_000_000);
  await withListener(
    { handle: async (incoming) => new Response((await incoming.text()) === "big" ? large : "ok") },
    async ({ port }, origin) => {
      const deaf = connect(port, "127.0.0.1");
      deaf.on("error", () => {});
      deaf.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nbig");
      deaf.pause();
      const gone = once(deaf, "close");
      const rude: Socket[] = Array.from({ length: 50 }, () => connect(port, "127.0.0.1"));
      for (const socket of rude) {
        socket.on("error", () => {});
        await once(socket, "connect");
        socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
        socket.resetAndDestroy();
      }
      assert.equal(await (await fetch(origin, { method: "POST", body: "small" })).text(), "ok");
      setTimeout(() => deaf.resume(), 1_500);
      await gone;
    },
    quick,
  );
});

test("who sends a body nobody reads is told that the connection ends, and gets the whole answer (RFC 9112 §9.6)", async () => {
  const answered = "x".repeat(100_000);
  const handle = async (incoming: Request) => {
    const { pathname } = new URL(incoming.url);
    if (pathname === "/read") await incoming.text();
    if (pathname === "/begun") {
      const reader = incoming.body?.getReader();
      await reader?.read();
      await reader?.cancel();
    }
    return new Response(answered, { status: pathname === "/read" ? 200 : 413 });
  };
  await withListener({ handle }, async ({ port }) => {
    const body = "b".repeat(3_000_000);
    const post = (path: string, kept: boolean) =>
      `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n${kept ? "" : "Connection: close\r\n"}\r\n${body}`;
    for (const path of ["/unread", "/begun"]) {
      const answer = await raw(port, post(path, true));
      assert.match(answer, /^HTTP\/1\.1 413 /, path);
      assert.match(answer, /\r\nconnection: close\r\n/i, path);
      assert.equal(answer.replaceAll(/[^x]/g, "").length >= answered.length, true, path);
    }
    const both = await raw(port, post("/read", true) + post("/read", false));
    assert.equal([...both.matchAll(/^HTTP\/1\.1 200 /gm)].length, 2);
    // A body that does not come to its end is not waited for.
    const begun = `POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc`;
    assert.match(await raw(port, begun), /^HTTP\/1\.1 413 /);
  });
});

test("X-Forwarded-For from a proxy that is not trusted is worth one warning, however often it comes", async () => {
  const warnings: unknown[] = [];
  const log: Log = { ...silent, warn: (fields) => warnings.push(fields) };
  for (const trustedProxies of [["127.0.0.0/8"], []]) {
    const listener = await listen({ host: "127.0.0.1", port: 0, log, trustedProxies });
    listener.answerWith({ origin: "http://issuer.example", ready: async () => true, notFound, handle: notFound });
    for (const headers of [{}, { "x-forwarded-for": "198.51.100.7" }, { "x-forwarded-for": "198.51.100.8" }])
      await fetch(`http://127.0.0.1:${listener.port}/`, { headers });
    await listener.close();
  }
  assert.deepEqual(warnings, [{ event: "proxy.untrusted", address: "127.0.0.1" }]);
});

test("a certificate in a header counts from the proxy that is named for it and from nobody else (TK-21, RFC 8705 §6.5, RFC 9440)", async () => {
  const der = Buffer.from("a certificate").toString("base64");
  const seen: Answerer["handle"] = async ({ headers }, peer) =>
    Response.json({ peer, headers: Object.fromEntries(headers) });
  const nginx = {
    "x-client-cert": encodeURIComponent(`-----BEGIN CERTIFICATE-----\n${der}\n-----END CERTIFICATE-----\n`),
    "x-verify": "SUCCESS",
  };
  const rfc9440 = { "client-cert": `:${der}:` };
  const named = { address: "127.0.0.1", certificateHeader: "X-Client-Cert" };
  const cases: [ListenOptions["trustedProxies"], Record<string, string>, string | undefined, boolean | undefined][] = [
    [[named], nginx, der, false],
    [[{ ...named, certificateVerified: true }], nginx, der, true],
    [["127.0.0.0/8", { ...named, certificateVerified: true }], nginx, der, true],
    [[{ ...named, certificateVerified: "X-Verify" }], nginx, der, true],
    [[{ ...named, certificateVerified: "X-Verify" }], { ...nginx, "x-verify": "FAILED:unknown" }, der, false],
    [[{ ...named, certificateVerified: "X-Verify" }], { "x-client-cert": der }, der, false],
    [[{ ...named, certificateVerified: true }], { "x-verify": "SUCCESS" }, undefined, undefined],
    [[{ ...named, certificateHeader: "client-cert" }], rfc9440, der, false],
    [[{ ...named, certificateHeader: "client-cert" }], { "client-cert": `:${der}:, :${der}:` }, undefined, undefined],
    [[{ ...named, certificateVerified: true }], rfc9440, undefined, undefined],
    [["127.0.0.1"], { ...nginx, ...rfc9440 }, undefined, undefined],
    [
      [{ ...named, address: "10.0.0.0/8", certificateVerified: true }],
      { ...nginx, "x-forwarded-for": "10.0.0.1" },
      undefined,
      undefined,
    ],
    [
      ["127.0.0.0/8", { ...named, address: "10.0.0.0/8" }],
      { ...nginx, "x-forwarded-for": "10.0.0.1" },
      undefined,
      undefined,
    ],
    [[], { ...nginx, ...rfc9440 }, undefined, undefined],
  ];
  for (const [trustedProxies = [], headers, certificate, certificateVerified] of cases) {
    const warnings: unknown[] = [];
    const log: Log = { ...silent, warn: (fields) => warnings.push(fields) };
    const listener = await listen({ host: "127.0.0.1", port: 0, log, trustedProxies });
    listener.answerWith({ origin: "http://issuer.example", ready: async () => true, notFound, handle: seen });
    try {
      for (let n = 0; n < 2; n++) {
        const response = await fetch(`http://127.0.0.1:${listener.port}/`, { headers });
        const got = (await response.json()) as { peer: Record<string, unknown>; headers: Record<string, string> };
        assert.deepEqual([got.peer.certificate, got.peer.certificateVerified], [certificate, certificateVerified]);
        // Whoever comes after sees no such header.
        for (const proxy of trustedProxies)
          if (typeof proxy === "object")
            assert.equal(got.headers[proxy.certificateHeader?.toLowerCase() ?? ""], undefined);
        assert.equal(got.headers["client-cert"], undefined);
      }
    } finally {
      await listener.close();
    }
    const untrusted = warnings.filter((one) => (one as { event: string }).event === "proxy.untrusted-certificate");
    assert.ok(untrusted.length <= 1);
  }
});

test("the origin of a request is the issuer's, whatever its Host says", async () => {
  await withListener({ handle: async (incoming) => new Response(incoming.url) }, async ({ port }) => {
    assert.match(
      await raw(port, "GET /a?b HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"),
      /http:\/\/issuer\.example\/a\?b/,
    );
  });
});

test("at the end: nothing new is accepted, what is under way is answered, idle connections are closed", async () => {
  const entered = Promise.withResolvers<void>();
  const leave = Promise.withResolvers<void>();
  const handle = async () => {
    entered.resolve();
    await leave.promise;
    return new Response("done");
  };
  const listener = await listen({ host: "127.0.0.1", port: 0, log: silent });
  listener.answerWith({ origin: "http://issuer.example", handle, notFound, ready: async () => true });
  const idle = connect(listener.port, "127.0.0.1");
  await once(idle, "connect");
  const answer = fetch(`http://127.0.0.1:${listener.port}/slow`);
  await entered.promise;
  const closed = listener.close();
  await assert.rejects(fetch(`http://127.0.0.1:${listener.port}/healthz`));
  leave.resolve();
  const response = await answer;
  assert.equal(response.headers.get("connection"), "close");
  assert.equal(await response.text(), "done");
  idle.destroy();
  await closed;
});

test("the end does not wait for ever for a request that hangs", async () => {
  const entered = Promise.withResolvers<void>();
  const handle = () => {
    entered.resolve();
    return new Promise<Response>(() => {});
  };
  const listener = await listen({ host: "127.0.0.1", port: 0, log: silent, limits: { end: 100 } });
  listener.answerWith({ origin: "http://issuer.example", handle, notFound, ready: async () => true });
  const lost = assert.rejects(fetch(`http://127.0.0.1:${listener.port}/hang`));
  await entered.promise;
  await listener.close();
  await lost;
});

test("a port in use is an error, not a crash", async () => {
  await withListener({}, async ({ port }) => {
    await assert.rejects(listen({ host: "127.0.0.1", port, log: silent }), { code: "EADDRINUSE" });
  });
});

test("X-Forwarded-For counts only as far as trusted proxies vouch for it (SE-35)", async () => {
  const tell = peerAddress(["10.0.0.0/8", "::1"]);
  const addressOf = (connection: string, forwarded: string | undefined) => tell(connection, forwarded).ip;
  assert.equal(addressOf("203.0.113.9", "1.2.3.4"), "203.0.113.9");
  assert.equal(addressOf("10.0.0.1", "1.2.3.4"), "1.2.3.4");
  assert.equal(addressOf("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.9.9.9"), "1.2.3.4");
  assert.equal(addressOf("::ffff:10.0.0.1", "[2001:db8::1]:443"), "2001:db8::1");
  assert.equal(addressOf("::1", "1.2.3.4:5555"), "1.2.3.4");
  assert.equal(
    addressOf("10.0.0.1", `${"6.6.6.6, ".repeat(1000)}1.2.3.4`),
    "1.2.3.4",
    "however long the client made it",
  );
  for (const bad of ["", "not-an-ip", "1.2.3.4, not-an-ip", undefined])
    assert.equal(addressOf("10.0.0.1", bad), "10.0.0.1");
  await withListener(echo, async ({ port }) => {
    const outgoing = request({ port, host: "127.0.0.1", headers: { "x-forwarded-for": "198.51.100.7" } }).end();
    const [incoming] = await once(outgoing, "response");
    assert.equal(JSON.parse(await text(incoming)).ip, "198.51.100.7");
  });
});
