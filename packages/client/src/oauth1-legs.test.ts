import assert from "node:assert/strict";
import { test } from "node:test";
import type { Fetch } from "@valetkey/protocol/read-json";
import { type ClientErrorCode, isClientError } from "./client-error.ts";
import { oauth1AuthorizationUrl } from "./oauth1-authorization-url.ts";
import { checkOAuth1Callback } from "./oauth1-callback.ts";
import { requestTemporaryCredentials } from "./oauth1-temporary-credentials.ts";
import { requestTokenCredentials } from "./oauth1-token-credentials.ts";

const client = { client_id: "consumer", client_secret: "secret" };
const request_token_endpoint = "https://bird.test/request_token";
const token_endpoint = "https://bird.test/access_token";

const is =
  (code: ClientErrorCode, words = /./) =>
  (e: unknown) =>
    isClientError(e, code) && words.test(e.message);
const always =
  (body: string, init: ResponseInit = {}): Fetch =>
  async () =>
    new Response(body, init);

const leave = (fetch: Fetch) => requestTemporaryCredentials({ request_token_endpoint, client, fetch });
const exchange = (fetch: Fetch) =>
  requestTokenCredentials({
    token_endpoint,
    client,
    fetch,
    oauth_token: "temporary",
    oauth_token_secret: "t",
    oauth_verifier: "v",
  });

test("temporary credentials are asked for by POST with the callback, oob if there is none (RFC 5849 §2.1)", async () => {
  const seen: Request[] = [];
  const fetch: Fetch = async (url, init) => {
    seen.push(new Request(url, init));
    return new Response("oauth_token=t&oauth_token_secret=s&oauth_callback_confirmed=true&user=%C3%A9\n");
  };
  const headers = { "User-Agent": "app/1" };
  const credentials = await requestTemporaryCredentials({ request_token_endpoint, client, fetch, headers });
  assert.equal(credentials.oauth_token, "t");
  assert.equal(credentials.oauth_token_secret, "s");
  assert.equal(credentials.parameters.user, "é");
  const oauth_callback = "https://app.test/cb?a=1";
  await requestTemporaryCredentials({ request_token_endpoint, client, fetch, oauth_callback });
  assert.deepEqual(
    seen.map(({ method, headers }) => [
      method,
      /oauth_callback="([^"]*)"/.exec(headers.get("authorization") ?? "")?.[1],
    ]),
    [
      ["POST", "oob"],
      ["POST", "https%3A%2F%2Fapp.test%2Fcb%3Fa%3D1"],
    ],
  );
  assert.equal(seen[0]?.headers.get("user-agent"), "app/1");
});

test("a provider that does not confirm the callback is not used: it would be OAuth 1.0 (RFC 5849 §2.1, O1-12)", async () => {
  for (const confirmed of [
    "",
    "&oauth_callback_confirmed=false",
    "&oauth_callback_confirmed=",
    "&oauth_callback_confirmed=True",
  ]) {
    const answer = always(`oauth_token=t&oauth_token_secret=s${confirmed}`);
    await assert.rejects(leave(answer), is("token_response_invalid", /confirm/), confirmed);
  }
});

test("a redirect from a token endpoint is an error, wherever it leads (O1-11)", async () => {
  for (const status of [301, 302, 303, 307, 308]) {
    for (const location of ["https://evil.test/", "//evil.test/x", "/other"]) {
      let calls = 0;
      const fetch: Fetch = async (_url, init) => {
        calls++;
        assert.equal(init?.redirect, "manual");
        return new Response(null, { status, headers: { Location: location } });
      };
      await assert.rejects(leave(fetch), is("token_response_invalid", /redirects are not followed/));
      await assert.rejects(exchange(fetch), is("token_response_invalid"));
      assert.equal(calls, 2);
    }
  }
});

test("half an answer, a repeated token, another status and what is no form are refused (RFC 5849 §2.1, §2.3)", async () => {
  const answers: [string, ResponseInit?][] = [
    [""],
    ["oauth_token=t&oauth_callback_confirmed=true"],
    ["oauth_token_secret=s&oauth_callback_confirmed=true"],
    ["oauth_token=&oauth_token_secret=s&oauth_callback_confirmed=true"],
    ["oauth_token=t&oauth_token=u&oauth_token_secret=s&oauth_callback_confirmed=true"],
    ["oauth_token=%&oauth_token_secret=s&oauth_callback_confirmed=true"],
    ['{"oauth_token":"t","oauth_token_secret":"s"}'],
    ["oauth_token=t&oauth_token_secret=s&oauth_callback_confirmed=true", { status: 201 }],
    [`oauth_token=${"t".repeat(5000)}&oauth_token_secret=s&oauth_callback_confirmed=true`],
    [`oauth_token=t&oauth_token_secret=s&oauth_callback_confirmed=true&x=${"x".repeat(70_000)}`],
  ];
  for (const [body, init] of answers) {
    await assert.rejects(leave(always(body, init)), is("token_response_invalid"), body.slice(0, 80));
    await assert.rejects(exchange(always(body, init)), is("token_response_invalid"), body.slice(0, 80));
  }
});

test("temporary credentials fit into a cookie, or are refused at once (RFC 6265bis §5.6)", async () => {
  const answer = (token: number, secret: number) =>
    always(`oauth_token=${"t".repeat(token)}&oauth_token_secret=${"s".repeat(secret)}&oauth_callback_confirmed=true`);
  assert.equal((await leave(answer(512, 512))).oauth_token_secret.length, 512);
  await assert.rejects(leave(answer(513, 1)), is("token_response_invalid", /oauth_token of 513 characters/));
  await assert.rejects(
    leave(answer(1, 60_000)),
    is("token_response_invalid", /oauth_token_secret of 60000 characters/),
  );
  // The token itself is kept in the store.
  assert.equal((await exchange(answer(4096, 512))).oauth_token.length, 4096);
  await assert.rejects(exchange(answer(4097, 1)), is("token_response_invalid"));
  await assert.rejects(exchange(answer(1, 513)), is("token_response_invalid"));
});

test("a refusal carries the reason the provider gave, an outage is none", async () => {
  const inBody = always("oauth_problem=timestamp_refused&oauth_problem_advice=Set+your%20clock%0a", { status: 401 });
  await assert.rejects(leave(inBody), (e) => {
    assert.ok(isClientError(e, "token_refused"));
    assert.equal(e.error, "timestamp_refused");
    assert.equal(e.error_description, "Set your clock ");
    return true;
  });
  const headers = { "WWW-Authenticate": 'OAuth realm="x", oauth_problem="consumer_key_unknown"' };
  await assert.rejects(
    leave(always("<html>", { status: 401, headers })),
    (e) => isClientError(e) && e.error === "consumer_key_unknown",
  );
  await assert.rejects(exchange(always("no", { status: 400 })), is("token_refused"));
  for (const status of [429, 500, 503]) await assert.rejects(leave(always("", { status })), is("issuer_unavailable"));
  await assert.rejects(
    leave(() => Promise.reject(new TypeError("fetch failed"))),
    is("issuer_unavailable"),
  );
});

test("secrets are asked for over https only, or http on loopback (RFC 5849 §2.1, §2.3)", async () => {
  const fetch: Fetch = () => assert.fail("sent");
  for (const endpoint of ["http://bird.test/x", "ftp://bird.test/", "https://u@bird.test/", "x"]) {
    const asked = requestTemporaryCredentials({ request_token_endpoint: endpoint, client, fetch });
    await assert.rejects(asked, is("configuration_invalid"), endpoint);
  }
});

test("a key or endpoint nothing can be signed with is a mistake of the configuration, not an outage", async () => {
  const fetch: Fetch = () => assert.fail("sent");
  const private_key = { kty: "RSA", n: "AAAA", e: "AQAB", d: "AAAA" };
  const rsa = { client_id: "consumer", signature_method: "RSA-SHA1", private_key } as const;
  const withKey = requestTemporaryCredentials({ request_token_endpoint, client: rsa, fetch });
  await assert.rejects(withKey, is("configuration_invalid"));
  const withToken = `${request_token_endpoint}?oauth_token=x`;
  const twice = requestTemporaryCredentials({ request_token_endpoint: withToken, client, fetch });
  await assert.rejects(twice, is("configuration_invalid"));
});

test("with RSA a token needs no secret, with a shared secret it does (RFC 5849 §3.4.3)", async () => {
  const algorithm = {
    name: "RSASSA-PKCS1-v1_5",
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: "SHA-1",
  };
  const { privateKey } = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const private_key = { ...(await crypto.subtle.exportKey("jwk", privateKey)), kty: "RSA" } as { kty: string };
  const credentials = await requestTemporaryCredentials({
    request_token_endpoint,
    client: { client_id: "consumer", signature_method: "RSA-SHA1", private_key },
    fetch: always("oauth_token=t&oauth_token_secret=&oauth_callback_confirmed=true"),
  });
  assert.equal(credentials.oauth_token_secret, "");
});

test("the authorization URL keeps the endpoint's query and has the token once (RFC 5849 §2.2)", () => {
  const url = oauth1AuthorizationUrl({
    authorization_endpoint: "https://bird.test/authorize?lang=de&oauth_token=old",
    oauth_token: "a&b=c",
    authorization_params: { perms: "read", oauth_token: "mine" },
  });
  assert.equal(url.href, "https://bird.test/authorize?lang=de&oauth_token=a%26b%3Dc&perms=read");
  for (const authorization_endpoint of ["javascript:alert(1)", "http://bird.test/", "https://bird.test/$(x)`"])
    assert.throws(
      () => oauth1AuthorizationUrl({ authorization_endpoint, oauth_token: "t" }),
      is("configuration_invalid"),
    );
});

test("an answer without verifier, about another token or about none gives nothing (RFC 5849 §2.2, O1-12)", () => {
  const check = (query: string) => checkOAuth1Callback(new URL(`https://app.test/cb?${query}`), { oauth_token: "t" });
  assert.deepEqual(check("oauth_token=t&oauth_verifier=v%2B"), { oauth_verifier: "v+" });
  const cases: [string, ClientErrorCode][] = [
    ["", "state_missing"],
    ["oauth_verifier=v", "state_missing"],
    ["oauth_token=&oauth_verifier=v", "state_missing"],
    ["oauth_token=u&oauth_verifier=v", "state_mismatch"],
    ["oauth_token=T&oauth_verifier=v", "state_mismatch"],
    ["oauth_token=t", "response_invalid"],
    ["oauth_token=t&oauth_verifier=", "response_invalid"],
    [`oauth_token=t&oauth_verifier=${"v".repeat(5000)}`, "response_invalid"],
    ["oauth_token=t&oauth_verifier=v&oauth_verifier=w", "response_invalid"],
    ["oauth_token=t&oauth_token=u&oauth_verifier=v", "response_invalid"],
    ["denied=t", "access_denied"],
    ["denied=u", "state_mismatch"],
    ["oauth_token=t&oauth_verifier=v&denied=t", "access_denied"],
    ["oauth_token=t&oauth_problem=permission_denied", "access_denied"],
    ["oauth_problem=user_refused", "access_denied"],
    ["oauth_token=t&oauth_problem=consumer_key_rejected&oauth_verifier=v", "authorization_refused"],
  ];
  for (const [query, code] of cases) assert.throws(() => check(query), is(code), query);
});
