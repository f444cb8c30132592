import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { baseString, isSignedForm } from "@valetkey/protocol/oauth1/base-string";
import { parsePairs, readOAuthHeader, readProtocolParameters } from "@valetkey/protocol/oauth1/parameters";
import { verify } from "@valetkey/protocol/oauth1/signature";
import { isClientError } from "./client-error.ts";
import { type OAuth1SessionOptions, oauth1Session } from "./oauth1-session.ts";

const client = { client_id: "consumer", client_secret: "consumer secret" };
const user = { token: "token", token_secret: "token secret" };

interface Sent {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: string;
}

/** Sends through a session and gives what left, as a server would see it. */
async function sent(
  options: Partial<OAuth1SessionOptions>,
  ...request: Parameters<ReturnType<typeof oauth1Session>["fetch"]>
): Promise<Sent> {
  let seen: Sent | undefined;
  const fetch = async (url: string | URL, init: RequestInit = {}) => {
    const { method, headers, url: target } = new Request(url, init);
    seen = { method, url: new URL(target), headers, body: await new Request(url, init).text() };
    return new Response();
  };
  await oauth1Session({ ...client, ...user, fetch, ...options }).fetch(...request);
  assert.ok(seen);
  return seen;
}

/** Checks a signature as a server does. */
async function isSigned({ method, url, headers, body }: Sent): Promise<boolean> {
  const header = readOAuthHeader(headers.get("authorization")) ?? [];
  const form = isSignedForm(headers.get("content-type")) ? parsePairs(body) : [];
  const found = readProtocolParameters([...header, ...form, ...parsePairs(url.search.slice(1))]);
  assert.equal(found.oauth_consumer_key, "consumer");
  const { oauth_signature = "", oauth_signature_method } = found;
  const secrets = { client_secret: client.client_secret, token_secret: user.token_secret };
  const key = { ...secrets, signature_method: oauth_signature_method as "HMAC-SHA1" };
  return verify(baseString({ method, url, protocol: header, form }), key, oauth_signature);
}

const form = { method: "POST", body: new URLSearchParams("a=1&b=c d&a=é") };

test("every placement and kind of body is signed as it is sent (RFC 5849 §3.4.1.3.1, §3.5)", async () => {
  const url = "https://api.test:8443/x?q=%7E+1&q=&q";
  const requests: RequestInit[] = [
    {},
    form,
    { method: "POST" },
    { method: "PUT", body: '{"a":1}', headers: { "Content-Type": "application/json" } },
    { method: "POST", body: "a=1&a=%41", headers: { "Content-Type": "application/x-www-form-urlencoded" } },
    {
      method: "POST",
      body: new TextEncoder().encode("a=%C3%A9"),
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
    },
    { method: "POST", body: new Blob(["b=2"], { type: "application/x-www-form-urlencoded" }) },
    { method: "POST", body: "a=1, but plain text" },
    { method: "DELETE" },
  ];
  for (const placement of ["header", "body", "query"] as const) {
    for (const signature_method of ["HMAC-SHA1", "HMAC-SHA256", "PLAINTEXT"] as const) {
      for (const init of requests) {
        const seen = await sent({ placement, signature_method }, url, init);
        assert.equal(await isSigned(seen), true, `${placement} ${JSON.stringify(init)}`);
        assert.ok(seen.url.href.startsWith(url), "the query is sent as it was given");
      }
    }
  }
});

test("parameters travel where they were asked to, and nowhere else (RFC 5849 §3.5)", async () => {
  const where = async (placement: "header" | "body" | "query", init: RequestInit) => {
    const { headers, body, url } = await sent({ placement, realm: "Photos" }, "https://api.test/?a=1", init);
    return {
      header: /^OAuth realm="Photos", oauth_/.test(headers.get("authorization") ?? ""),
      body: body.includes("oauth_signature="),
      query: url.search.includes("oauth_signature="),
    };
  };
  const only = (place: string) => ({ header: place === "header", body: place === "body", query: place === "query" });
  for (const init of [{}, form]) {
    assert.deepEqual(await where("header", init), only("header"));
    assert.deepEqual(await where("query", init), only("query"));
  }
  assert.deepEqual(await where("body", form), only("body"));
  assert.deepEqual(await where("body", { method: "POST" }), only("body"));
  // §3.5.2: only a form can take them.
  assert.deepEqual(await where("body", {}), only("header"));
  assert.deepEqual(await where("body", { method: "POST", body: "{}" }), only("header"));
});

test("a multipart body goes out untouched, and none of it is signed (RFC 5849 §3.4.1.3.1)", async () => {
  const data = new FormData();
  data.set("photo", new Blob(["xyz"]), "x.png");
  const seen = await sent({}, "https://api.test/upload", { method: "POST", body: data });
  assert.match(seen.headers.get("content-type") ?? "", /^multipart\/form-data; boundary=/);
  assert.match(seen.body, /xyz/);
  assert.equal(await isSigned(seen), true);
});

test("a Request is sent as it is, its form signed", async () => {
  const request = new Request("https://api.test/x", { ...form, headers: { "X-Own": "1" } });
  const seen = await sent({}, request);
  assert.equal(seen.method, "POST");
  assert.equal(seen.headers.get("x-own"), "1");
  assert.equal(seen.body, "a=1&b=c+d&a=%C3%A9");
  assert.equal(await isSigned(seen), true);
});

test("each request has its own nonce, and a timestamp in seconds (RFC 5849 §3.3)", async () => {
  const now = () => 1_700_000_000_999;
  const seen = await Promise.all([1, 2, 3].map(() => sent({ now }, "https://api.test/")));
  const read = seen.map(({ headers }) => readProtocolParameters(readOAuthHeader(headers.get("authorization")) ?? []));
  assert.equal(new Set(read.map((one) => one.oauth_nonce)).size, 3);
  assert.match(read[0]?.oauth_nonce ?? "", /^[a-z0-9]{20,30}$/);
  assert.deepEqual(new Set(read.map((one) => one.oauth_timestamp)), new Set(["1700000000"]));
  assert.equal(read[0]?.oauth_version, "1.0");
});

test("without a token the client alone signs (RFC 5849 §3.1)", async () => {
  let header: string | null = null;
  const fetch = async (_url: string | URL, init: RequestInit = {}) => {
    header = new Headers(init.headers).get("authorization");
    return new Response();
  };
  await oauth1Session({ ...client, fetch }).fetch("https://api.test/");
  const protocol = readOAuthHeader(header) ?? [];
  const { oauth_token, oauth_signature = "" } = readProtocolParameters(protocol);
  assert.equal(oauth_token, undefined);
  const text = baseString({ method: "GET", url: new URL("https://api.test/"), protocol });
  const key = { signature_method: "HMAC-SHA1", client_secret: client.client_secret } as const;
  assert.equal(await verify(text, key, oauth_signature), true);
});

test("what cannot be signed unambiguously is refused before anything is sent", async () => {
  const session = oauth1Session({ ...client, ...user, fetch: () => assert.fail("sent") });
  const post = (body: string) => ({ method: "POST", body: new URLSearchParams(body) });
  await assert.rejects(session.fetch("https://api.test/?oauth_token=x"), TypeError);
  await assert.rejects(session.fetch("https://api.test/?oauth%5fsignature=x"), TypeError);
  await assert.rejects(session.fetch("https://api.test/", post("oauth_nonce=x")), TypeError);
  await assert.rejects(session.fetch("https://api.test/?a=%"), TypeError);
  await assert.rejects(session.fetch("https://user@api.test/"), TypeError);
  await assert.rejects(session.fetch("/relative"), TypeError);
  await assert.rejects(session.fetch("data:,x"), TypeError);
});

test("PLAINTEXT goes over https only, or http on loopback (RFC 5849 §3.4.4)", async () => {
  const options = { signature_method: "PLAINTEXT" } as const;
  await assert.rejects(sent(options, "http://api.test/"), (e) => isClientError(e, "url_not_allowed"));
  await assert.rejects(sent(options, "http://127.0.0.1.api.test/"), (e) => isClientError(e, "url_not_allowed"));
  for (const url of ["https://api.test/", "http://127.0.0.1:5000/", "http://localhost/"])
    assert.equal(await isSigned(await sent(options, url)), true);
  assert.equal(await isSigned(await sent({}, "http://api.test/")), true);
});

test("a redirect is handed back, not followed: the signature goes nowhere else (O1-11)", async (t) => {
  const paths: (string | undefined)[] = [];
  const server = createServer((req, res) => {
    paths.push(req.url);
    res.writeHead(302, { Location: "//127.0.0.1:1/elsewhere" }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const answer = await oauth1Session({ ...client, ...user }).fetch(
    `http://127.0.0.1:${(server.address() as AddressInfo).port}/me`,
    { redirect: "follow" },
  );
  assert.equal(answer.status, 302);
  assert.deepEqual(paths, ["/me"]);
});

test("a client that cannot sign is refused at once, with what is missing", () => {
  const cases: [Partial<OAuth1SessionOptions>, RegExp][] = [
    [{ client_id: "" }, /client_id/],
    [{ signature_method: "RSA-SHA1" }, /private_key/],
    [{ signature_method: "RSA-SHA256", private_key: { kty: "RSA", n: "x", e: "AQAB" } }, /private_key/],
    [{ signature_method: "hmac-sha1" as "HMAC-SHA1" }, /signature_method/],
    [{ realm: "a\r\nb" }, /realm/],
    [{ placement: "cookie" as "query" }, /placement/],
  ];
  for (const [options, words] of cases) {
    const make = () => oauth1Session({ ...client, ...options });
    assert.throws(make, (e) => isClientError(e, "configuration_invalid") && words.test(e.message), String(words));
  }
  assert.throws(() => oauth1Session({ client_id: "a" }), /client_secret/);
});
