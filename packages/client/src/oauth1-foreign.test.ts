/**
 * OAuth 1.0a against software that is not ours: all three legs with a provider made with oauthlib, and requests signed by
 * requests_oauthlib checked by us.
 */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { Jwk } from "@valetkey/protocol/jwk";
import { baseString, isSignedForm } from "@valetkey/protocol/oauth1/base-string";
import { parsePairs, readOAuthHeader, readProtocolParameters } from "@valetkey/protocol/oauth1/parameters";
import { type SignatureKey, type SignatureMethod, signatureMethods, verify } from "@valetkey/protocol/oauth1/signature";
import { isClientError } from "./client-error.ts";
import { type ForeignProvider, sendWithRequests, skip, startOauthlib } from "./lib/oauthlib.test.ts";
import { oauth1AuthorizationUrl } from "./oauth1-authorization-url.ts";
import { checkOAuth1Callback } from "./oauth1-callback.ts";
import type { OAuth1Client, Placement } from "./oauth1-client.ts";
import { oauth1Session } from "./oauth1-session.ts";
import { requestTemporaryCredentials } from "./oauth1-temporary-credentials.ts";
import { requestTokenCredentials } from "./oauth1-token-credentials.ts";

const oauth_callback = "http://127.0.0.1:1/callback";

const leave = (provider: ForeignProvider, client: OAuth1Client) =>
  requestTemporaryCredentials({ request_token_endpoint: `${provider.url}/request_token`, client, oauth_callback });

/** What the browser would do: gives the URL the person comes back to. */
async function allow(provider: ForeignProvider, oauth_token: string, more: Record<string, string> = {}): Promise<URL> {
  const authorization_endpoint = `${provider.url}/authorize`;
  const url = oauth1AuthorizationUrl({ authorization_endpoint, oauth_token, authorization_params: more });
  const answer = await fetch(url, { redirect: "manual" });
  return new URL(answer.headers.get("location") ?? "");
}

test("oauthlib accepts three legs and signed requests in every method and placement (RFC 5849 §2, §3)", {
  skip,
}, async () => {
  await using provider = await startOauthlib();
  const { client_id, client_secret, private_key } = provider;
  for (const signature_method of signatureMethods) {
    for (const placement of ["header", "body", "query"] as const satisfies readonly Placement[]) {
      // oauthlib decodes oauth_ parameters of queries and bodies twice, which only encoded secrets notice.
      if (signature_method === "PLAINTEXT" && placement !== "header") continue;
      const client = { client_id, client_secret, private_key, signature_method, placement };
      const { oauth_token, oauth_token_secret } = await leave(provider, client);
      const { oauth_verifier } = checkOAuth1Callback(await allow(provider, oauth_token), { oauth_token });
      const credentials = await requestTokenCredentials({
        token_endpoint: `${provider.url}/access_token`,
        client,
        oauth_token,
        oauth_token_secret,
        oauth_verifier,
      });
      assert.equal(credentials.parameters.user_id, "alice-1");
      const session = oauth1Session({
        ...client,
        token: credentials.oauth_token,
        token_secret: credentials.oauth_token_secret,
      });
      const where = `${signature_method} ${placement}`;
      const hostile = "q=%7Ea%2Bb+c&q=&q=%C3%A9&a-=1&a1=2&a=3";
      const get = await session.fetch(`${provider.url}/api/r%20v/X;p?${hostile}`);
      assert.equal(get.status, 200, `${where} GET`);
      const body = new URLSearchParams([
        ["q", "a&b=c"],
        ["é", "漢 +~"],
        ["", "x"],
        ["q", ""],
      ]);
      const post = await session.fetch(`${provider.url}/api/?${hostile}`, { method: "POST", body });
      assert.equal(post.status, 200, `${where} POST`);
      const headers = { "Content-Type": "application/json" };
      const json = await session.fetch(`${provider.url}/api/`, { method: "PUT", headers, body: '{"a":"b"}' });
      assert.equal(((await json.json()) as { body?: string }).body, '{"a":"b"}', `${where} PUT`);
    }
  }
});

test("oauthlib refuses a wrong secret, a wrong verifier and a verifier twice; the reason is a refusal (RFC 5849 §3.2)", {
  skip,
}, async () => {
  await using provider = await startOauthlib();
  const { client_id, client_secret } = provider;
  const client = { client_id, client_secret };
  const refused = (e: unknown) => isClientError(e, "token_refused");
  await assert.rejects(leave(provider, { ...client, client_secret: "wrong" }), refused);
  await assert.rejects(leave(provider, { ...client, client_id: "somebody0else0of0twenty0" }), refused);
  const temporary = await leave(provider, client);
  const { oauth_verifier } = checkOAuth1Callback(await allow(provider, temporary.oauth_token), temporary);
  const exchange = (verifier: string) =>
    requestTokenCredentials({
      token_endpoint: `${provider.url}/access_token`,
      client,
      ...temporary,
      oauth_verifier: verifier,
    });
  await assert.rejects(exchange("x".repeat(30)), refused);
  assert.ok((await exchange(oauth_verifier)).oauth_token);
  await assert.rejects(exchange(oauth_verifier), refused);
});

test("a person who says no is told apart from a mistake, however the provider words it (RFC 5849 §2.2)", {
  skip,
}, async () => {
  await using provider = await startOauthlib();
  const { client_id, client_secret } = provider;
  for (const deny of ["denied", "problem"]) {
    const { oauth_token } = await leave(provider, { client_id, client_secret });
    const back = await allow(provider, oauth_token, { deny });
    assert.throws(
      () => checkOAuth1Callback(back, { oauth_token }),
      (e) => isClientError(e, "access_denied"),
    );
  }
});

test("what requests_oauthlib signs, we verify: methods, placements, hostile names and values (RFC 5849 §3.4)", {
  skip,
}, async (t) => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const secrets = { client_secret: "s3cret & é", token_secret: "t/+" };
  const server = createServer(async (req, res) => {
    let body = "";
    for await (const chunk of req) body += chunk;
    const url = new URL(req.url ?? "/", `http://${req.headers.host}`);
    const protocol = readOAuthHeader(req.headers.authorization) ?? [];
    const form = isSignedForm(req.headers["content-type"]) ? parsePairs(body) : [];
    const found = readProtocolParameters([...protocol, ...form, ...parsePairs(url.search.slice(1))]);
    const signature_method = found.oauth_signature_method as SignatureMethod;
    const key: SignatureKey =
      signature_method === "RSA-SHA1" || signature_method === "RSA-SHA256"
        ? { signature_method, key: publicKey.export({ format: "jwk" }) as unknown as Jwk }
        : { signature_method, ...secrets };
    const text = baseString({ method: req.method ?? "", url, protocol, form });
    res.writeHead((await verify(text, key, found.oauth_signature ?? "")) ? 204 : 401).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const common = { client_id: "consumer", ...secrets, token: "token &", realm: "Photos" };
  const rsa_key = privateKey.export({ type: "pkcs8", format: "pem" });
  const hostile = [
    ["q", "a&b=c"],
    ["é", "漢 +~"],
    ["q", ""],
    ["a-", "1"],
    ["a1", "%7E"],
  ];
  const requests = signatureMethods.flatMap((signature_method) =>
    ["AUTH_HEADER", "BODY", "QUERY"].flatMap((signature_type) => {
      const about = {
        ...common,
        signature_method,
        signature_type,
        ...(signature_method.startsWith("RSA") ? { rsa_key } : {}),
      };
      return [
        { ...about, method: "POST", url: `${url}/a%20b/~c`, params: hostile, data: hostile },
        ...(signature_type === "BODY"
          ? []
          : [{ ...about, method: "PUT", url: `${url}/`, params: hostile, json: { a: "é" } }]),
      ];
    }),
  );
  const wrong = { ...common, client_secret: "wrong", method: "POST", url, data: hostile };
  const statuses = await sendWithRequests([
    ...requests,
    { ...wrong, signature_method: "HMAC-SHA1", signature_type: "AUTH_HEADER" },
    { ...wrong, signature_method: "PLAINTEXT", signature_type: "BODY" },
  ]);
  assert.deepEqual(statuses, [...requests.map(() => 204), 401, 401]);
});
