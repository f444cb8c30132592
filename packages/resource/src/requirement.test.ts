/** What routes ask for besides scopes: step-up, details of authorization; and whose token it is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { audience, type Json, startIssuer } from "./lib/test-issuer.test.ts";
import { protectResource, type RequireOptions, subjectKey } from "./protect.ts";

const bearing = (token: string): Request =>
  new Request("https://api.example/", { headers: { Authorization: `Bearer ${token}` } });
const now = () => Math.floor(Date.now() / 1000);

test("an old or weak sign-in is asked for again, saying what would do (RFC 9470 §3, RS-11)", async () => {
  await using issuer = await startIssuer();
  const { requireOAuth } = protectResource({ issuer: issuer.url, audience, clockTolerance: 0 });
  const ask = async (needs: RequireOptions, claims: Json) =>
    requireOAuth("profile", needs)(() => new Response())(bearing(await issuer.token(claims)));
  const passes: [RequireOptions, Json][] = [
    [{ maxAge: "5m" }, { auth_time: now() - 290 }],
    [{ acr: "high" }, { acr: "high" }],
    [
      { acr: ["phr", "high"], maxAge: 60 },
      { acr: "high", auth_time: now() },
    ],
  ];
  for (const [needs, claims] of passes) assert.equal((await ask(needs, claims)).status, 200, JSON.stringify(needs));
  const refused: [RequireOptions, Json, string][] = [
    [{ maxAge: "5m" }, { auth_time: now() - 302 }, 'max_age="300"'],
    [{ maxAge: "5m" }, {}, 'max_age="300"'],
    [{ maxAge: 0 }, { auth_time: now() - 2 }, 'max_age="0"'],
    [{ acr: "high" }, { acr: "low" }, 'acr_values="high"'],
    [{ acr: "high" }, { acr: "higher" }, 'acr_values="high"'],
    [{ acr: ["phr", "high"], maxAge: 60 }, { auth_time: now() }, 'acr_values="phr high", max_age="60"'],
  ];
  for (const [needs, claims, wanted] of refused) {
    const answer = await ask(needs, claims);
    assert.equal(answer.status, 401);
    const challenge = answer.headers.get("www-authenticate") ?? "";
    assert.match(challenge, /^Bearer realm="[^"]*", error="insufficient_user_authentication"/);
    assert.ok(challenge.endsWith(wanted), challenge);
  }
  for (const claims of [{ auth_time: "1" }, { auth_time: -1 }, { acr: ["high"] }])
    assert.equal((await ask({}, claims)).status, 401, "claims of another shape");
});

test("introspected tokens are asked for the same (RFC 9470 §6.2)", async () => {
  await using issuer = await startIssuer();
  const introspection = { client_id: "api", client_secret: "api secret" };
  const { requireOAuth } = protectResource({ issuer: issuer.url, audience, introspection });
  const route = requireOAuth({ maxAge: "1m" })(() => new Response());
  issuer.known.set("a", { active: true, ...issuer.claims(), auth_time: now() });
  issuer.known.set("b", { active: true, ...issuer.claims(), auth_time: now() - 3600 });
  assert.deepEqual([(await route(bearing("a"))).status, (await route(bearing("b"))).status], [200, 401]);
});

test("authorization_details are the route's to judge; without any it is given none (RFC 9396 §9)", async () => {
  await using issuer = await startIssuer();
  const { requireOAuth } = protectResource({ issuer: issuer.url, audience });
  const seen: unknown[] = [];
  const route = requireOAuth("profile", {
    authorizationDetails: async (details, token) => {
      seen.push(details, token.sub);
      return details.some(({ type, amount }) => type === "payment" && amount === 5);
    },
  })(() => new Response());
  const ask = async (claims: Json) => route(bearing(await issuer.token(claims)));
  assert.equal((await ask({ authorization_details: [{ type: "payment", amount: 5 }] })).status, 200);
  const refused = await ask({});
  assert.equal(refused.status, 403);
  assert.match(refused.headers.get("www-authenticate") ?? "", /error="insufficient_scope"/);
  assert.deepEqual(seen.slice(-2), [[], "alice"]);
  for (const authorization_details of [{}, [1], [{}], ["payment"]])
    assert.equal((await ask({ authorization_details })).status, 401);
});

test("what cannot be asked for is a TypeError when the route is made", () => {
  const { requireOAuth } = protectResource({ issuer: "https://id.example", audience });
  const wrong: RequireOptions[] = [{ maxAge: "5 minutes" as "5m" }, { maxAge: -1 }, { acr: [] }];
  for (const options of wrong) assert.throws(() => requireOAuth("a", options), TypeError);
  assert.throws(() => requireOAuth("a", { dpop: true as unknown as "required" }), TypeError);
});

test("somebody is iss and sub together, and a client is never a person (RS-10)", async () => {
  await using one = await startIssuer();
  await using two = await startIssuer();
  const { check } = protectResource({ audience, issuers: [{ issuer: one.url }, { issuer: two.url }] });
  const keyOf = async (token: string) => subjectKey(await check(bearing(token)));
  const [alice, again, elsewhere] = [await one.token(), await one.token({ scope: "" }), await two.token()];
  assert.equal(await keyOf(alice), await keyOf(again));
  assert.notEqual(await keyOf(alice), await keyOf(elsewhere));
  // A client that registered under a person's name.
  const client = await one.token({ sub: "alice", client_id: "alice" });
  assert.equal((await check(bearing(client))).principal, "client");
  assert.notEqual(await keyOf(client), await keyOf(alice));
  assert.equal(await keyOf(client), await keyOf(await one.token({ sub: "client:alice", client_id: "alice" })));
});
