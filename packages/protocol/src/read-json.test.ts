import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import { isOAuthError } from "./errors.ts";
import { fetchJson, fetchText, readJsonArray, readJsonObject, UnreadableResponse } from "./read-json.ts";

const request = (body: BodyInit, type = "application/json", headers: Record<string, string> = {}) =>
  new Request("https://as.test/register", { method: "POST", headers: { "Content-Type": type, ...headers }, body });
const refused =
  (status = 400) =>
  (e: unknown) =>
    isOAuthError(e, "invalid_request") && e.status === status;
const unreadable = (e: unknown) => e instanceof UnreadableResponse;

test("a JSON object is read from a request and from a response", async () => {
  assert.deepEqual(await readJsonObject(request('{"a":[1,{"b":null}]}')), { a: [1, { b: null }] });
  assert.deepEqual(await readJsonObject(request("{}", "application/scim+json; charset=utf-8")), {});
  assert.deepEqual(await readJsonObject(new Response('{"a":1}')), { a: 1 });
});

test("a request that does not say JSON, or is compressed, is 415", async () => {
  for (const type of [
    "text/plain",
    "application/x-www-form-urlencoded",
    "",
    "application/jsonp",
    "application/json; charset=latin1",
  ]) {
    await assert.rejects(readJsonObject(request("{}", type)), refused(415), type);
  }
  await assert.rejects(readJsonObject(request("{}", "application/json", { "Content-Encoding": "gzip" })), refused(415));
});

test("an object that names a member twice is refused, however the name is spelled (RFC 8259 §4, RG-12)", async () => {
  for (const text of [
    '{"a":1,"a":1}',
    '{"a":{"b":1,"c":[{"d":1 , "d" :2}]}}',
    '{"a":1,"\\u0061":2}',
    '{"a" \n:1,"b":"a","a":2}',
  ]) {
    await assert.rejects(readJsonObject(request(text)), refused(), text);
    await assert.rejects(readJsonObject(new Response(text)), unreadable, text);
  }
  for (const text of ['{"a":{"a":1},"b":{"a":2}}', '{"a":["b","b"],"b":"a"}', '{"a":"\\":","b":"\\":"}']) {
    assert.deepEqual(await readJsonObject(request(text)), JSON.parse(text));
  }
});

test("what is not an object of JSON is refused", async () => {
  for (const text of ["", "[]", "null", "1", '"x"', "{", '{"a":1}x', "{'a':1}", "{a:1}", "\ufeff{}", '{"a":1e}']) {
    await assert.rejects(readJsonObject(request(text)), refused(), text);
    await assert.rejects(readJsonObject(new Response(text)), unreadable, text);
  }
  await assert.rejects(readJsonObject(request(new Uint8Array([123, 34, 0xff, 34, 58, 49, 125]))), refused());
});

test("a body over the limit is 413, or unreadable in a response", async () => {
  const big = JSON.stringify({ a: "x".repeat(70_000) });
  await assert.rejects(readJsonObject(request(big)), refused(413));
  await assert.rejects(readJsonObject(new Response(big)), unreadable);
  assert.equal(Object.keys(await readJsonObject(new Response(big), { limit: 100_000 })).length, 1);
});

test("nesting is bounded before anything is built", async () => {
  const nested = (depth: number) => `{"a":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`;
  await readJsonObject(request(nested(20)));
  await assert.rejects(readJsonObject(request(nested(21))), refused());
  await assert.rejects(readJsonObject(request(nested(30_000))), refused());
  await readJsonObject(request(JSON.stringify({ a: '[[[["\\[['.repeat(50), '{"': "\\" })));
});

test("__proto__ in the text pollutes nothing, however it is spelled (CWE-1321)", async () => {
  for (const text of [
    '{"__proto__":{"admin":true},"a":1}',
    '{"\\u005f_proto__":{"admin":true},"a":1}',
    '{"__PROTO__":1,"a":1,"__proto__":{"admin":true}}',
    '{"__\\u0070roto__":{"admin":true},"a":1}',
    '{"__prot\\u006F__":{"admin":true},"a":1}',
  ]) {
    const copy = Object.assign({}, await readJsonObject(request(text))) as Record<string, unknown>;
    assert.equal(copy.a, 1);
    assert.equal(copy.admin, undefined);
    assert.equal(Object.getPrototypeOf(copy), Object.prototype);
  }
  const deep = (await readJsonObject(request('{"a":[{"__proto__":{"admin":1}}]}'))) as { a: object[] };
  assert.deepEqual(Object.getOwnPropertyNames(deep.a[0]), []);
});

test("what is not JSON is refused without a word of it: it may be a token (RFC 9700 §4.9)", async () => {
  for (const text of ["access_token=s3cret", '{"access_token":s3cret}']) {
    const refusal = await readJsonObject(new Response(text)).catch((e: unknown) => e);
    assert.ok(refusal instanceof Error && !inspect(refusal, { depth: 9 }).includes("s3cret"), inspect(refusal));
  }
});

test("property: any object is read back, any text gives an object or a refusal", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 }), { noNullPrototype: true }),
      async (value) => {
        const text = JSON.stringify(value);
        if (/__proto__/.test(text)) return;
        assert.equal(JSON.stringify(await readJsonObject(request(text))), JSON.stringify(JSON.parse(text)));
      },
    ),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: fc.constantFrom("{", "}", "[", "]", '"', "\\", ":", ",", "1", "a") }),
      async (text) => {
        const outcome = await readJsonObject(request(text)).catch((e: unknown) => e);
        assert.ok(isOAuthError(outcome, "invalid_request") || typeof outcome === "object");
      },
    ),
  );
});

const server = createServer((req, res) => {
  if (req.url === "/json") res.writeHead(400, { "Content-Type": "application/json" }).end('{"error":"invalid_grant"}');
  else if (req.url === "/html") res.writeHead(502, { "Content-Type": "text/html" }).end("<html>bad gateway</html>");
  else if (req.url === "/redirect") res.writeHead(302, { Location: "/json" }).end();
  else if (req.url === "/endless") {
    const more = () => {
      while (res.write("x".repeat(65_536)));
    };
    res.writeHead(200).on("drain", more);
    more();
  } else if (req.url === "/accept") res.end(JSON.stringify({ accept: req.headers.accept }));
  else res.writeHead(200).write("{"); // never ends
});
await once(server.listen(0, "127.0.0.1"), "listening");
after(() => {
  server.closeAllConnections();
  server.close();
});
const at = (path: string) => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;

test("fetching gives the body whatever the status, and asks for JSON", async () => {
  const { response, body } = await fetchJson(fetch, at("/json"));
  assert.equal(response.status, 400);
  assert.deepEqual(body, { error: "invalid_grant" });
  assert.deepEqual((await fetchJson(fetch, at("/accept"))).body, { accept: "application/json" });
});

test("a page instead of JSON is unreadable, and says with which status it came", async () => {
  await assert.rejects(fetchJson(fetch, at("/html")), (e) => e instanceof UnreadableResponse && e.status === 502);
});

test("redirects are refused or handed back, never followed", async () => {
  await assert.rejects(fetchJson(fetch, at("/redirect")), TypeError);
  assert.equal((await fetchText(fetch, at("/redirect"), {}, { redirect: "manual" })).response.status, 302);
});

test("a response without end is cut at the limit, a stalled one at the timeout", async () => {
  await assert.rejects(fetchJson(fetch, at("/endless")), unreadable);
  const started = performance.now();
  await assert.rejects(fetchJson(fetch, at("/stalled"), {}, { timeoutMs: 100 }));
  assert.ok(performance.now() - started < 5_000);
});

test("the caller's own signal still counts", async () => {
  const controller = new AbortController();
  const pending = fetchJson(fetch, at("/stalled"), { signal: controller.signal }, { timeoutMs: 60_000 });
  controller.abort();
  await assert.rejects(pending);
});

test("an array is read within the same bounds as an object, and nothing else passes for one", async () => {
  assert.deepEqual(await readJsonArray(new Response('[1,{"a":null}]')), [1, { a: null }]);
  for (const bad of ["{}", "null", '"[]"', "[", '[{"a":1,"a":2}]', `${"[".repeat(21)}${"]".repeat(21)}`]) {
    await assert.rejects(readJsonArray(new Response(bad)), UnreadableResponse, bad);
  }
  await assert.rejects(readJsonArray(new Response(`["${"x".repeat(100)}"]`), { limit: 50 }), UnreadableResponse);
});
