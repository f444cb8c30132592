/** Discovery by the documents of OpenID Connect and RFC 8414, against a server on loopback. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { ClientError } from "./client-error.ts";
import { discover } from "./discover.ts";

async function serving(documents: Record<string, (url: string) => unknown>) {
  const paths: string[] = [];
  const server = createServer((req, res) => {
    paths.push(req.url ?? "");
    const found = documents[req.url ?? ""];
    res.writeHead(found === undefined ? 404 : 200).end(found === undefined ? "" : JSON.stringify(found(url)));
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

test("where there is no OpenID Connect document the one of RFC 8414 is asked for, with the path behind it (RFC 8414 §3.1)", async () => {
  const document = (url: string) => ({ issuer: `${url}/tenant`, token_endpoint: `${url}/token` });
  await using server = await serving({ "/.well-known/oauth-authorization-server/tenant": document });
  const found = await discover(`${server.url}/tenant`);
  assert.equal(found.token_endpoint, `${server.url}/token`);
  assert.deepEqual(server.paths, [
    "/tenant/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server/tenant",
  ]);
});

test("what OpenID Connect requires is required of its document only; the rest of both", async () => {
  const plain = (url: string) => ({ issuer: url, token_endpoint: `${url}/token` });
  const openid = await serving({ "/.well-known/openid-configuration": plain });
  await using _ = openid;
  await assert.rejects(discover(openid.url), { code: "metadata_invalid" });
  const bad: [string, (url: string) => unknown][] = [
    ["another issuer", (url) => ({ ...plain(url), issuer: `${url}/` })],
    ["no token_endpoint", (url) => ({ issuer: url })],
    ["unsafe keys", (url) => ({ ...plain(url), jwks_uri: "http://evil.example/jwks" })],
    [
      "an unsafe place for pushed requests",
      (url) => ({ ...plain(url), pushed_authorization_request_endpoint: "data:x" }),
    ],
  ];
  for (const [what, document] of bad) {
    await using server = await serving({ "/.well-known/oauth-authorization-server": document });
    await assert.rejects(discover(server.url), { code: "metadata_invalid" }, what);
  }
  await using none = await serving({});
  await assert.rejects(discover(none.url), { code: "metadata_invalid", message: /no discovery document/ });
});

test("a document with values of any kind is refused in one printable line (AD-13)", async () => {
  const odd = ["https://id.example\n[valetkey] signed in \u001b[31m", { toString: 1 }, ["https://id.example"], null, 7];
  for (const value of odd) {
    const named = (url: string) => ({ issuer: value, token_endpoint: `${url}/token` });
    const placed = (url: string) => ({ issuer: url, token_endpoint: value });
    for (const document of [named, placed]) {
      await using server = await serving({ "/.well-known/oauth-authorization-server": document });
      await assert.rejects(discover(server.url), ({ code, message }: ClientError) => {
        assert.equal(code, "metadata_invalid");
        assert.match(message, /^\P{C}+$/u);
        return true;
      });
    }
  }
});
