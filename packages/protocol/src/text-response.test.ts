import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { sendResponse, toRequest } from "./node-http.ts";
import { addHeaders, answerFor, TextResponse } from "./text-response.ts";

const init = { status: 201, headers: { "Content-Type": "application/json", "Cache-Control": "no-store" } };
const text = '{"name":"Zoë"}';

test("a text response says what the platform's response says", async () => {
  const [ours, platform] = [new TextResponse(text, init), new Response(text, init)];
  assert.ok(ours instanceof Response);
  assert.deepEqual([ours.status, ours.ok, ours.bodyUsed], [platform.status, platform.ok, platform.bodyUsed]);
  assert.deepEqual([...ours.headers], [...platform.headers]);
  assert.equal(await ours.clone().text(), text);
  assert.deepEqual(await ours.json(), JSON.parse(text));
  assert.equal(ours.bodyUsed, true);
  await assert.rejects(ours.text(), TypeError);
  assert.deepEqual(await new TextResponse(text, init).bytes(), await platform.bytes());
  const copied = new Response(new TextResponse(text, init).body, { headers: new TextResponse(text, init).headers });
  assert.equal(await copied.text(), text);
});

test("headers that are added replace those of the same name, before and after somebody looked", () => {
  for (const look of [false, true]) {
    const response = new TextResponse(text, init);
    if (look) assert.equal(response.headers.get("cache-control"), "no-store");
    addHeaders(response, { "Cache-Control": "public", "X-Other": "1" });
    assert.equal(response.headers.get("cache-control"), "public");
    assert.equal(response.headers.get("x-other"), "1");
  }
});

test("anybody but our own Node adapter gets the platform's response", async () => {
  const response = answerFor(new Request("https://id.example.com/token"), new TextResponse(text, init));
  assert.equal(response.constructor, Response);
  assert.equal(await response.text(), text);
});

test("over HTTP it arrives whole, with its length, and headers set before stay", async (t) => {
  const server = createServer((req, res) => {
    res.setHeader("X-Before", "1");
    const answer = answerFor(
      toRequest(req, { origin: "http://localhost", response: res }),
      new TextResponse(text, init),
    );
    assert.ok(answer instanceof TextResponse, "our adapter takes it as it is");
    if (req.url === "/looked") assert.equal(answer.headers.get("content-type"), "application/json");
    void sendResponse(res, answer);
  });
  t.after(() => server.close());
  await once(server.listen(0, "127.0.0.1"), "listening");
  for (const path of ["/", "/looked"]) {
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`);
    assert.equal(answer.status, 201);
    assert.equal(answer.headers.get("x-before"), "1");
    assert.equal(answer.headers.get("content-type"), "application/json");
    if (path === "/") assert.equal(answer.headers.get("content-length"), String(new TextEncoder().encode(text).length));
    assert.equal(await answer.text(), text);
  }
});
