import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, request as send } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { test } from "node:test";
import { inspect } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { readForm } from "./form.ts";
import { gatherBytes } from "./lib/gather-bytes.ts";
import { incomingHeaders } from "./lib/incoming-headers.ts";
import { pathOf, toRequest } from "./node-http.ts";

const name = fc.constantFrom("Authorization", "authorization", "Cookie", "Accept", "ACCEPT", "X-A", "set-cookie");
const value = fc.stringMatching(/^[\x21-\x7e]{1,12}$/);

test("property: headers over Node's list give the platform's answers", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 8 }), (lines) => {
      const platform = new Headers(lines);
      const make = () => incomingHeaders(lines.flat());
      for (const asked of ["AUTHORIZATION", "cookie", "accept", "x-a", "x-b", "set-cookie"]) {
        assert.equal(make().get(asked), platform.get(asked));
        assert.equal(make().has(asked), platform.has(asked));
      }
      assert.deepEqual([...make()], [...platform]);
      assert.deepEqual([...make().keys()], [...platform.keys()]);
      assert.deepEqual([...make().values()], [...platform.values()]);
      assert.deepEqual([...new Headers(make())], [...platform]);
      assert.deepEqual([...new Request("http://localhost", { headers: make() }).headers].sort(), [...platform].sort());
      assert.deepEqual(make().getSetCookie(), platform.getSetCookie());
      const [changed, same] = [make(), new Headers(lines)];
      for (const headers of [changed, same]) {
        headers.delete("cookie");
        headers.set("X-A", "2");
        headers.append("accept", "3");
      }
      assert.deepEqual([...changed], [...same]);
      assert.equal(changed.has("cookie"), false);
    }),
  );
});

test("property: the path of a URL is the platform's", () => {
  const part = fc.constantFrom("/", "a", "token", "..", ".", "%2e", "?", "#", "\\", "é", ":", "//", "-_", " ");
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
      const url = `http://localhost:4000/${parts.join("")}`;
      assert.equal(pathOf(url), new URL(url).pathname);
    }),
  );
});

/** Answers with what a request says of itself. */
async function listening(
  t: { after(end: () => void): void },
  look: (request: Request, req: IncomingMessage) => unknown,
) {
  const server = createServer((req, res) => {
    void (async () => {
      const seen = await look(toRequest(req, { origin: "http://localhost", response: res }), req);
      res.end(JSON.stringify(seen ?? null));
    })().catch((error: Error) => res.end(JSON.stringify(`${error.name}: ${error.message}`)));
  });
  t.after(() => server.close());
  await once(server.listen(0, "127.0.0.1"), "listening");
  return (server.address() as AddressInfo).port;
}

const constant = [
  "cache",
  "credentials",
  "destination",
  "integrity",
  "keepalive",
  "mode",
  "redirect",
  "referrer",
] as const;
const descriptors = (request: Request) =>
  Object.fromEntries([...constant, "referrerPolicy" as const].map((one) => [one, request[one]]));

async function post(port: number, body: string, headers: Record<string, string> = {}): Promise<unknown> {
  const type = { "Content-Type": "application/x-www-form-urlencoded", ...headers };
  const answer = await fetch(`http://127.0.0.1:${port}/x?y=1`, { method: "POST", body, headers: type });
  return JSON.parse(await answer.text());
}

test("a request says what the platform's request says, whichever way its body is read", async (t) => {
  const port = await listening(t, async (request) => {
    assert.ok(request instanceof Request);
    assert.deepEqual(descriptors(request), descriptors(new Request("http://localhost", { method: "POST" })));
    assert.equal(request.bodyUsed, false);
    const copy = request.headers.has("x-clone") ? request.clone() : undefined;
    const way = request.headers.get("x-way");
    const read =
      way === "text"
        ? await request.text()
        : way === "bytes"
          ? new TextDecoder().decode(await request.bytes())
          : way === "stream"
            ? await new Response(request.body).text()
            : { ...(await readForm(request)) };
    assert.equal(request.bodyUsed, true);
    await assert.rejects(request.text(), TypeError);
    return [request.method, request.url, request.redirect, read, copy && (await copy.text())];
  });
  for (const way of ["text", "bytes", "stream"])
    assert.deepEqual(await post(port, "a=1", { "x-way": way }), [
      "POST",
      "http://localhost/x?y=1",
      "follow",
      "a=1",
      null,
    ]);
  assert.deepEqual(await post(port, "a=1"), ["POST", "http://localhost/x?y=1", "follow", { a: "1" }, null]);
  assert.deepEqual(await post(port, "a=1", { "x-clone": "1" }), [
    "POST",
    "http://localhost/x?y=1",
    "follow",
    { a: "1" },
    "a=1",
  ]);
});

test("a form over the limit is refused whether or not its length is announced, and no more of it is read", async (t) => {
  const read: number[] = [];
  const port = await listening(t, async (request, req) => {
    const refused = await readForm(request, { limit: 1000 }).catch((error: Error) => error.message);
    read.push(req.socket.bytesRead);
    return refused;
  });
  assert.match(String(await post(port, `a=${"x".repeat(2000)}`)), /larger than 1000 bytes/);
  const chunked = send({
    port,
    host: "127.0.0.1",
    method: "POST",
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
  });
  const answered = once(chunked, "response");
  for (let count = 0; count < 4; count++) chunked.write(`a=${"x".repeat(500)}`);
  const [response] = (await answered) as [IncomingMessage];
  response.resume();
  chunked.destroy();
});

test("a client that leaves in the middle of its body, or before it is answered, is noticed", async (t) => {
  const left = Promise.withResolvers<string>();
  const gone = Promise.withResolvers<boolean>();
  const port = await listening(t, async (request, req) => {
    if (request.method === "POST") return readForm(request).catch((error: Error) => left.resolve(error.message));
    // The signal is asked for only after the client has left.
    await once(req.socket, "close");
    gone.resolve(request.signal.aborted);
  });
  const head = "Host: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\n";
  const broken = connect(port, "127.0.0.1", () =>
    broken.write(`POST / HTTP/1.1\r\n${head}a=1`, () => broken.destroy()),
  );
  assert.match(await left.promise, /could not be read/);
  const silent = connect(port, "127.0.0.1", () =>
    silent.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", () => silent.destroy()),
  );
  assert.equal(await gone.promise, true);
});

test("a body is held in about its own size, however small the pieces it comes in (CWE-400)", async (t) => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const answered = Promise.withResolvers<string>();
  const port = await listening(t, async (request) => {
    if (request.method === "POST") answered.resolve((await readForm(request)).a ?? "");
  });
  const sender = connect(port, "127.0.0.1");
  t.after(() => sender.destroy());
  await once(sender, "connect");
  collect();
  const before = process.memoryUsage().heapUsed;
  const head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n";
  const pieces = `2\r\na=\r\n${"1\r\nx\r\n".repeat(60_000)}`;
  await new Promise((sent) => sender.write(`${head}Transfer-Encoding: chunked\r\n\r\n${pieces}`, sent));
  // Whatever the other end answers to comes after what was sent before.
  const other = connect(port, "127.0.0.1");
  other.end("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  await once(other.resume(), "close");
  collect();
  assert.ok(process.memoryUsage().heapUsed - before < 3_000_000, "60,000 bytes cost less than 3 MB");
  sender.write("0\r\n\r\n");
  assert.equal((await answered.promise).length, 60_000);
});

test("property: pieces of any sizes make the body they were cut from", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 40 }), (pieces) => {
      const kept = pieces.map((piece) => piece.slice());
      const gathered = gatherBytes();
      for (const piece of pieces) gathered.add(piece);
      assert.deepEqual(
        [...gathered.whole()],
        kept.flatMap((piece) => [...piece]),
      );
      assert.equal(gathered.size(), gathered.whole().length);
      // The pieces belong to somebody else.
      assert.deepEqual(pieces, kept);
    }),
  );
});

test("a body is read whatever was done to Node's request before: paused, made text, watched", async (t) => {
  const done: Record<string, (req: IncomingMessage) => unknown> = {
    paused: (req) => req.pause(),
    text: (req) => req.setEncoding("utf8"),
    watched: (req) => req.on("readable", () => undefined),
  };
  for (const [how, change] of Object.entries(done)) {
    const port = await listening(t, async (request, req) => {
      change(req);
      return { ...(await readForm(request)) };
    });
    assert.deepEqual(await post(port, "a=%C3%A9"), { a: "é" }, how);
  }
});

test("a request and its headers can be printed", async (t) => {
  const port = await listening(t, (request) => [inspect(request), inspect(request.headers)]);
  const [request, headers] = (await post(port, "a=1", { "X-A": "1" })) as [string, string];
  assert.match(request, /^Request \{\s*method: 'POST',\s*url: 'http:\/\/localhost\/x\?y=1'/);
  assert.match(headers, /^Headers \{[\s\S]*'X-A': '1'/i);
});
