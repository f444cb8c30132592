import assert from "node:assert/strict";
import { test } from "node:test";
import { temporarilyUnavailable } from "@valetkey/protocol/errors";
import { generateKey } from "@valetkey/protocol/jose";
import { baseString } from "@valetkey/protocol/oauth1/base-string";
import { encodePairs, oauthHeader, parsePairs } from "@valetkey/protocol/oauth1/parameters";
import { OAuth1Problem } from "@valetkey/protocol/oauth1/problem";
import { type SignatureKey, sign } from "@valetkey/protocol/oauth1/signature";
import { memoryNonces } from "./nonces.ts";
import { type OAuth1ResourceOptions, protectOAuth1 } from "./oauth1.ts";

const now = () => 1_800_000_000_000;
const audience = "https://api.test/";
const key = { signature_method: "HMAC-SHA1", client_secret: "consumer", token_secret: "token" } as const;
const known = { subject: "alice", scope: ["read"], aud: [audience], exp: 1_900_000_000, keys: [key] };
const options: OAuth1ResourceOptions = {
  issuer: "https://id.test",
  audience,
  credentials: async (token, client_id) => (token === "t" && client_id === "bird" ? known : undefined),
  now,
};

let count = 0;

async function request(
  url = `${audience}timeline?count=20`,
  {
    by = key,
    body,
    change = {},
  }: { by?: SignatureKey; body?: string; change?: Record<string, string | undefined> } = {},
): Promise<Request> {
  const protocol = encodePairs({
    oauth_consumer_key: "bird",
    oauth_token: "t",
    oauth_signature_method: by.signature_method,
    oauth_timestamp: String(now() / 1000),
    oauth_nonce: `n${count++}`,
    ...change,
  });
  const method = body === undefined ? "GET" : "POST";
  const form = parsePairs(body ?? "");
  const signature = await sign(baseString({ method, url: new URL(url), protocol, form }), by);
  const authorization = oauthHeader([...protocol, ...encodePairs({ oauth_signature: signature })]);
  return new Request(url, {
    method,
    headers: { authorization, ...(body === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" }) },
    ...(body === undefined ? {} : { body }),
  });
}

const is = (problem: string, status: number) => (error: unknown) => {
  assert.ok(error instanceof OAuth1Problem, String(error));
  assert.deepEqual([error.problem, error.status], [problem, status]);
  return true;
};

test("a signed request says who allowed what, once, and leaves its body to the handler (RFC 5849 §3)", async () => {
  const { check, requireOAuth1 } = protectOAuth1(options);
  const token = await check(await request(), "read");
  assert.deepEqual(
    { ...token, claims: {} },
    {
      iss: "https://id.test",
      sub: "alice",
      client_id: "bird",
      scope: ["read"],
      aud: [audience],
      exp: 1_900_000_000,
      principal: "person",
      claims: {},
    },
  );
  assert.ok(!JSON.stringify(token).includes("consumer"));
  const post = requireOAuth1("read")(async (sent, { sub }) =>
    Response.json({ sub, status: (await sent.formData()).get("status") }),
  );
  assert.deepEqual(await (await post(await request(`${audience}x`, { body: "status=hello+you" }))).json(), {
    sub: "alice",
    status: "hello you",
  });
  const once = await request();
  await check(once.clone());
  await assert.rejects(check(once), is("nonce_used", 401));
});

test("what is unknown, changed, for another API or without the scope is refused, with a challenge (RFC 5849 §3.2)", async () => {
  const { check, requireOAuth1 } = protectOAuth1(options);
  await assert.rejects(
    check(await request(undefined, { change: { oauth_token: "other" } })),
    is("token_rejected", 401),
  );
  await assert.rejects(
    check(await request(undefined, { change: { oauth_consumer_key: "other" } })),
    is("token_rejected", 401),
  );
  await assert.rejects(
    check(await request(undefined, { change: { oauth_token: undefined } })),
    is("parameter_absent", 400),
  );
  await assert.rejects(check(new Request(audience)), is("parameter_absent", 400));
  const changed = new Request(`${audience}timeline?count=200`, { headers: (await request()).headers });
  await assert.rejects(check(changed), is("signature_invalid", 401));
  await assert.rejects(check(await request(), "write"), is("permission_denied", 403));
  const elsewhere = protectOAuth1({ ...options, audience: "https://other.test/" });
  await assert.rejects(elsewhere.check(await request()), is("token_rejected", 401));
  const response = await requireOAuth1()(() => assert.fail("let through"))(new Request(audience));
  assert.equal(response.status, 400);
  assert.match(
    response.headers.get("www-authenticate") ?? "",
    /^OAuth realm="https:\/\/api\.test\/", oauth_problem="parameter_absent"/,
  );
  assert.match(await response.text(), /^oauth_problem=parameter_absent&/);
});

test("a key is for its own method: a public key is no shared secret (RFC 5849 §4.6)", async () => {
  const { privateJwk } = await generateKey("RS256");
  const { kty, n, e } = privateJwk;
  const publicKey = { signature_method: "RSA-SHA1", key: { kty, n: n ?? "", e: e ?? "" } } as const;
  const { check } = protectOAuth1({ ...options, credentials: async () => ({ ...known, keys: [publicKey] }) });
  await check(await request(undefined, { by: { signature_method: "RSA-SHA1", key: privateJwk } }));
  for (const client_secret of ["", n ?? "", JSON.stringify(publicKey.key)])
    await assert.rejects(
      check(await request(undefined, { by: { signature_method: "HMAC-SHA1", client_secret } })),
      is("signature_invalid", 401),
    );
  const plain = await request(undefined, { by: { ...key, signature_method: "PLAINTEXT" } });
  await assert.rejects(check(plain), is("signature_method_rejected", 400));
});

test("behind a proxy the origin clients know is the one that was signed (RFC 5849 §3.4.1.2)", async () => {
  const inside = new Request("http://10.0.0.7/timeline?count=20", { headers: (await request()).headers });
  await assert.rejects(protectOAuth1(options).check(inside.clone()), is("signature_invalid", 401));
  assert.equal((await protectOAuth1({ ...options, origin: "https://api.test" }).check(inside)).sub, "alice");
});

test("an API in its provider's process asks the provider; an outage there is one here", async () => {
  const asked: unknown[] = [];
  const { check, challengeFor } = protectOAuth1({
    issuer: "https://id.test",
    audience,
    bodyHash: "required",
    read: async (_request, place) => {
      asked.push(place);
      return { kind: "access", client_id: "bird", subject: "alice", scope: [], aud: [audience], exp: 1 };
    },
  });
  assert.equal((await check(new Request(audience))).sub, "alice");
  assert.deepEqual(asked, [{ bodyHash: "required" }]);
  const down = Object.assign(new Error("down"), { name: "StoreUnavailable" });
  const broken = protectOAuth1({ issuer: "https://id.test", audience, read: () => Promise.reject(down) });
  const answer = await broken.requireOAuth1()(() => assert.fail("let through"))(new Request(audience));
  assert.equal(answer.status, 503);
  assert.equal(challengeFor(temporarilyUnavailable("later")).status, 503);
});

test("options that leave open where secrets are, or name no API, are a TypeError", () => {
  const { credentials: _, ...neither } = options;
  assert.throws(() => protectOAuth1(neither), /give one of read/);
  assert.throws(() => protectOAuth1({ ...options, read: () => Promise.reject(new Error()) }), /give one of read/);
  assert.throws(() => protectOAuth1({ ...options, audience: "" }), TypeError);
});

test("O1-13 the memory of what was seen is bounded, and nothing is let through twice for it (RFC 5849 §4.11)", () => {
  let time = 1_000;
  const first = memoryNonces({ most: 10, now: () => time });
  for (let at = 0; at < 10; at++) assert.equal(first(`n${at}`, 10_000 + at), true);
  // One more: the oldest is forgotten, and whatever is as old is refused.
  assert.equal(first("new", 20_000), true);
  assert.equal(first("n0", 10_000), false);
  assert.equal(first("never seen", 10_000), false);
  assert.equal(first("n1", 10_001), false);
  assert.equal(first("new", 20_000), false);
  // All at one time: that time is closed.
  for (let at = 0; at < 100; at++) first(`m${at}`, 30_000);
  assert.equal(first("m0", 30_000), false);
  time = 40_000;
  assert.equal(first("later", 50_000), true);
});
