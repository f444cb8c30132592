import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request as httpRequest, type RequestListener, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { after, test } from "node:test";
import express from "express";
import fastify from "fastify";
import { jsonError, OAuthError } from "./errors.ts";
import { readForm } from "./form.ts";
import { sendResponse, toRequest } from "./node-http.ts";
import { readJsonObject } from "./read-json.ts";

const origin = "https://auth.example.com";
const servers: Server[] = [];
after(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Answers with what arrived: URL, method, form or JSON. */
async function echo(request: Request): Promise<Response> {
  try {
    const type = request.headers.get("content-type") ?? "";
    const body =
      request.body === null
        ? null
        : type.includes("json")
          ? await readJsonObject(request)
          : { ...(await readForm(request)) };
    return Response.json({ method: request.method, url: request.url, body });
  } catch (e) {
    if (e instanceof OAuthError) return jsonError(e);
    throw e;
  }
}
const plain = await listen(
  (req, res) => void echo(toRequest(req, { origin, response: res })).then((answer) => sendResponse(res, answer)),
);
const form = (body: string) => ({
  method: "POST",
  headers: { "Content-Type": "application/x-www-form-urlencoded" },
  body,
});

/** Sends bytes as they are, for requests that fetch would not write. */
async function raw(base: string, text: string): Promise<string> {
  const socket = connect(Number(new URL(base).port), "127.0.0.1");
  socket.end(text);
  let answer = "";
  for await (const chunk of socket) answer += chunk;
  return answer;
}

test("a request arrives with its method, path, query and body, under the configured origin", async () => {
  const answer = await fetch(`${plain}/token?x=1`, form("a=1&b=%20"));
  assert.deepEqual(await answer.json(), { method: "POST", url: `${origin}/token?x=1`, body: { a: "1", b: " " } });
  const got = await fetch(`${plain}/authorize?state=a%2Bb`);
  assert.deepEqual(await got.json(), { method: "GET", url: `${origin}/authorize?state=a%2Bb`, body: null });
});

test("neither Host nor the request target changes the origin", async () => {
  for (const target of ["/x", "//evil.test/x", "http://evil.test/x", "/\\evil.test", "http://evil.test@a/x"]) {
    const answer = await raw(
      plain,
      `GET ${target} HTTP/1.1\r\nHost: evil.test\r\nX-Forwarded-Host: evil.test\r\nConnection: close\r\n\r\n`,
    );
    assert.match(answer, /"url":"https:\/\/auth\.example\.com\//, answer);
  }
  assert.match(
    await raw(plain, "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
    /"url":"https:\/\/auth\.example\.com\/"/,
  );
});

test("a method that fetch does not know still arrives, to be answered 405", async () => {
  assert.match(await raw(plain, "TRACE /token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), /"method":"TRACE"/);
});

test("a second Authorization header is seen, not dropped", async () => {
  const seen = await listen((req, res) => {
    void sendResponse(res, new Response(toRequest(req, { origin }).headers.get("authorization")));
  });
  const answer = await raw(
    seen,
    "GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\nConnection: close\r\n\r\n",
  );
  assert.match(answer, /Bearer a, Bearer b/);
});

test("a body over the limit is answered 413 on a connection that still stands", async () => {
  for (const chunked of [false, true]) {
    const req = httpRequest(`${plain}/token`, {
      method: "POST",
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
    });
    if (!chunked) req.setHeader("Content-Length", 1_000_000);
    req.write(`a=${"x".repeat(100_000)}`);
    if (!chunked) req.write("x".repeat(899_998));
    req.end();
    const [answer] = await once(req, "response");
    assert.equal(answer.statusCode, 413);
    answer.resume();
  }
});

test("pieces of one byte that came together are handed on together: whoever keeps them keeps few (CWE-400)", async () => {
  const counted = Promise.withResolvers<[pieces: number, text: string]>();
  const base = await listen((req, res) => {
    const { body } = toRequest(req, { origin, response: res });
    void (async () => {
      const [decoder, pieces] = [new TextDecoder(), [] as string[]];
      for await (const piece of body ?? []) pieces.push(decoder.decode(piece, { stream: true }));
      counted.resolve([pieces.length, pieces.join("")]);
      res.end();
    })();
  });
  const body = Array.from({ length: 20_000 }, (_, at) => `1\r\n${at % 10}\r\n`).join("");
  await raw(
    base,
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n${body}0\r\n\r\n`,
  );
  const [pieces, text] = await counted.promise;
  assert.equal(text, "0123456789".repeat(2_000));
  assert.ok(pieces < 500, `${pieces} pieces`);
});

test("a request that is not answered here is handed on with its body unread", async () => {
  const app = express();
  app.use((req, res, next) => {
    toRequest(req, { origin, response: res });
    // A turn of the event loop, so that anything that reads ahead has read.
    setImmediate(next);
  });
  app.use(express.urlencoded(), (req, res) => void res.json(req.body));
  const base = await listen(app);
  const response = await fetch(base, form("a=1&b=2"));
  assert.deepEqual(await response.json(), { a: "1", b: "2" });
});

test("giving a body up leaves the connection to answer on", async () => {
  const base = await listen(async (req, res) => {
    const reader = toRequest(req, { origin }).body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await sendResponse(res, new Response("enough"));
  });
  const req = httpRequest(base, { method: "POST" });
  req.write("x".repeat(1000));
  const [answer] = await once(req, "response");
  assert.equal(answer.statusCode, 200);
  req.destroy();
});

test("several cookies stay apart, and status and headers are sent", async () => {
  const cookies = await listen((_, res) => {
    const headers = new Headers({ "X-Test": "1" });
    headers.append("Set-Cookie", "a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
    headers.append("Set-Cookie", "b=2");
    void sendResponse(res, new Response(null, { status: 303, headers }));
  });
  const answer = await fetch(cookies, { redirect: "manual" });
  assert.equal(answer.status, 303);
  assert.equal(answer.headers.get("x-test"), "1");
  assert.deepEqual(answer.headers.getSetCookie(), ["a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "b=2"]);
});

test("behind Express's parsers the body is written anew, and a repeated parameter stays repeated", async () => {
  const app = express();
  app.use("/oauth", express.urlencoded({ extended: true }), express.json(), (req, res) => {
    void echo(toRequest(req, { origin, response: res })).then((answer) => sendResponse(res, answer));
  });
  const base = await listen(app);
  const parsed = await fetch(`${base}/oauth/token?x=1`, form("a=1&b=%C3%A9+%26"));
  assert.deepEqual(await parsed.json(), {
    method: "POST",
    url: `${origin}/oauth/token?x=1`,
    body: { a: "1", b: "é &" },
  });
  assert.equal((await fetch(`${base}/oauth/token`, form("a=1&a=2"))).status, 400);
  const nested = await fetch(`${base}/oauth/token`, form("a[toString]=1&b[c]=2&d[][valueOf]=3"));
  assert.deepEqual((await nested.json()).body, { a: '{"toString":"1"}', b: '{"c":"2"}', d: '{"valueOf":"3"}' });
  const json = { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"a":[1,{"b":2}]}' };
  assert.deepEqual((await (await fetch(`${base}/oauth/r`, json)).json()).body, { a: [1, { b: 2 }] });
  const gzip = new Response(new Blob(["a=1"]).stream().pipeThrough(new CompressionStream("gzip")));
  const compressed = await fetch(`${base}/oauth/token`, {
    ...form(""),
    body: await gzip.arrayBuffer(),
    headers: { "Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip" },
  });
  assert.deepEqual((await compressed.json()).body, { a: "1" });
});

test("Express without a parser, with a text parser and with a raw parser give the same form", async () => {
  const parsers = [[], [express.text({ type: "*/*" })], [express.raw({ type: "*/*" })]];
  for (const parser of parsers) {
    const app = express();
    app.use(...parser, (req: express.Request, res: express.Response) => {
      void echo(toRequest(req, { origin })).then((answer) => sendResponse(res, answer));
    });
    const answer = await fetch(`${await listen(app)}/token`, form("a=1&b=2"));
    assert.deepEqual((await answer.json()).body, { a: "1", b: "2" });
  }
});

test("Fastify's request works, parsed by Fastify or left to us", async () => {
  for (const parse of [true, false]) {
    const app = fastify();
    const type = "application/x-www-form-urlencoded";
    if (parse) app.addContentTypeParser(type, { parseAs: "string" }, (_, body, done) => done(null, body));
    else app.addContentTypeParser(type, async () => undefined);
    app.all("/*", async (req, reply) => {
      reply.hijack();
      await sendResponse(reply.raw, await echo(toRequest(req, { origin, response: reply.raw })));
    });
    await app.listen({ port: 0, host: "127.0.0.1" });
    servers.push(app.server);
    const base = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
    assert.deepEqual(await (await fetch(`${base}/token?x=1`, form("a=1"))).json(), {
      method: "POST",
      url: `${origin}/token?x=1`,
      body: { a: "1" },
    });
    const json = { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"a":1}' };
    assert.deepEqual((await (await fetch(`${base}/r`, json)).json()).body, { a: 1 });
  }
});

test("a client that leaves fires the signal, before the body is complete and while waiting for the answer", async () => {
  for (const [head, withResponse] of [
    ["Content-Length: 10\r\n\r\nabc", false],
    ["Content-Length: 3\r\n\r\nabc", true],
  ] as const) {
    const arrived = Promise.withResolvers<AbortSignal>();
    const base = await listen((req, res) =>
      arrived.resolve(toRequest(req, withResponse ? { origin, response: res } : { origin }).signal),
    );
    const socket = connect(Number(new URL(base).port), "127.0.0.1");
    socket.write(`POST / HTTP/1.1\r\nHost: x\r\n${head}`);
    const signal = await arrived.promise;
    assert.equal(signal.aborted, false);
    socket.destroy();
    if (!signal.aborted) await once(signal, "abort");
    assert.equal(signal.aborted, true);
  }
});

test("a client that leaves in the middle of an answer cancels its body and throws nothing", async () => {
  const cancelled = Promise.withResolvers<void>();
  const finished = Promise.withResolvers<void>();
  const base = await listen((_, res) => {
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
      cancel: () => cancelled.resolve(),
    });
    sendResponse(res, new Response(endless)).then(finished.resolve, finished.reject);
  });
  const socket = connect(Number(new URL(base).port), "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await once(socket, "data");
  socket.destroy();
  await Promise.all([cancelled.promise, finished.promise]);
});

test("an answer whose body fails cuts the connection and reports the failure", async () => {
  const outcome = Promise.withResolvers<unknown>();
  const base = await listen((_, res) => {
    const broken = new ReadableStream({ pull: () => Promise.reject(new Error("disk")) });
    sendResponse(res, new Response(broken)).catch(outcome.resolve);
  });
  await assert.rejects(fetch(base).then((answer) => answer.text()));
  assert.equal(((await outcome.promise) as Error).message, "disk");
});
