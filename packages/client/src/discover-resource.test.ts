/** Discovery from a 401 (RFC 9728), against a resource on loopback that says whatever a test wants. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { discoverResource } from "./discover-resource.ts";
import { readChallengeParameter } from "./lib/challenge-parameter.ts";

type Documents = Record<string, (url: string) => unknown>;

async function startResource(documents: Documents, challenge?: (url: string) => string) {
  const paths: string[] = [];
  const server = createServer((req, res) => {
    const path = req.url ?? "";
    paths.push(path);
    const found = documents[path];
    if (found !== undefined) return void res.end(JSON.stringify(found(url)));
    const header = challenge === undefined ? {} : { "WWW-Authenticate": challenge(url) };
    res.writeHead(path.startsWith("/.well-known") ? 404 : 401, header).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    paths,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("a 401 leads to the resource's metadata and its authorization servers (RFC 9728 §5.1)", async () => {
  await using api = await startResource(
    { "/meta": (url) => ({ resource: `${url}/photos`, authorization_servers: ["http://127.0.0.1:9/as"] }) },
    (url) => `Bearer realm="a, resource_metadata=\\"x\\"", DPoP algs="ES256", resource_metadata="${url}/meta"`,
  );
  const response = await fetch(`${api.url}/photos`);
  const found = await discoverResource(`${api.url}/photos`, { response });
  assert.deepEqual(found.authorization_servers, ["http://127.0.0.1:9/as"]);
});

test("without a challenge the well-known places are asked: that of the path, then that of the origin (RFC 9728 §3.1)", async () => {
  await using api = await startResource({
    "/.well-known/oauth-protected-resource/photos": (url) => ({ resource: `${url}/photos` }),
    "/.well-known/oauth-protected-resource": (url) => ({ resource: url }),
  });
  assert.equal((await discoverResource(`${api.url}/photos`)).resource, `${api.url}/photos`);
  assert.equal((await discoverResource(`${api.url}/other`)).resource, api.url);
  await using none = await startResource({});
  await assert.rejects(discoverResource(`${none.url}/photos`), { code: "metadata_invalid" });
});

test("a document about another resource, or with unsafe servers, is refused (RFC 9728 §3.3)", async () => {
  const bad: [string, (url: string) => unknown][] = [
    ["another resource", () => ({ resource: "https://api.example/photos" })],
    ["a resource above", (url) => ({ resource: url })],
    ["a resource below", (url) => ({ resource: `${url}/photos/1` })],
    ["no resource", () => ({ authorization_servers: [] })],
    ["a server without https", (url) => ({ resource: `${url}/photos`, authorization_servers: ["http://as.example"] })],
    ["a server that is a script", (url) => ({ resource: `${url}/photos`, authorization_servers: ["javascript:1"] })],
    ["a list", () => []],
    ["a resource that is no text", () => ({ resource: { toString: 1 } })],
  ];
  for (const [what, document] of bad) {
    await using api = await startResource({ "/meta": document }, (url) => `Bearer resource_metadata="${url}/meta"`);
    const response = await fetch(`${api.url}/photos`);
    await assert.rejects(discoverResource(`${api.url}/photos`, { response }), { code: "metadata_invalid" }, what);
  }
  await using api = await startResource(
    { "/meta": (url) => ({ resource: url }) },
    (url) => `Bearer resource_metadata="${url}/meta"`,
  );
  const response = await fetch(`${api.url}/photos`);
  const resource = api.url;
  assert.equal((await discoverResource(`${api.url}/photos`, { response, resource })).resource, resource);
});

test("a challenge cannot lead to an address without https, nor to a script", async () => {
  for (const place of ["http://meta.example/x", "javascript:alert(1)", "//meta.example", "/meta"]) {
    const headers = { "WWW-Authenticate": `Bearer resource_metadata="${place}"` };
    const response = new Response(null, { status: 401, headers });
    await assert.rejects(discoverResource("https://api.example/", { response }), { code: "metadata_invalid" }, place);
  }
});

test("what stands in another parameter's quotes is not the parameter (RFC 9110 §11.2)", () => {
  const read = (header: string) => readChallengeParameter(header, "resource_metadata");
  assert.equal(read('Bearer realm="x, resource_metadata=evil", Resource_Metadata = "https://a/\\"b"'), 'https://a/"b');
  assert.equal(read('Bearer realm="resource_metadata=\\"https://evil\\""'), undefined);
  assert.equal(read("Bearer resource_metadata=https://a/b"), "https://a/b");
  assert.equal(read("Bearer"), undefined);
  assert.equal(read("Bearer x=resource_metadata=https://evil, resource_metadata=https://a"), "https://a");
});
