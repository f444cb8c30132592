import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { basicHeader } from "@valetkey/protocol/authorization-header";
import { createDpopProof, generateDpopKey } from "@valetkey/protocol/dpop";
import { expiredLoginHintToken } from "@valetkey/protocol/errors";
import { generateKey, type SigningKey, signJwt } from "@valetkey/protocol/jose";
import { dpop } from "@valetkey/provider/bindings/dpop";
import { authorizationCode } from "@valetkey/provider/grants/authorization-code";
import { type CibaOptions, ciba, type Notice } from "@valetkey/provider/grants/ciba";
import { refreshToken } from "@valetkey/provider/grants/refresh-token";
import { interactionIn } from "./approvals.ts";
import {
  answer,
  type Browser,
  createWorld,
  idToken,
  issuer,
  locationOf,
  rp,
  signIn,
  start,
  type TestClient,
  type World,
} from "./op.ts";
import { activeOf, assertError, claimsOf, type Fields, post, pub, sendAs, tokensOf, userinfo } from "./token-side.ts";

const cibaGrant = "urn:openid:params:grant-type:ciba";
const token = "a-notification-token-with-entropy-0123456789";

/** A call centre. */
const desk: TestClient = {
  ...rp,
  client_id: "desk",
  client_name: "Call Centre",
  redirect_uris: [],
  response_types: [],
  grant_types: [cibaGrant, "refresh_token"],
};
const pinger: TestClient = {
  ...desk,
  client_id: "pinger",
  backchannel_token_delivery_mode: "ping",
  backchannel_client_notification_endpoint: "https://pinger.test/ping",
};

let key: SigningKey;
let stranger: SigningKey;
before(async () => {
  key = await generateKey("ES256");
  stranger = await generateKey("ES256");
});

interface Ciba extends World {
  readonly notices: Notice[];
  readonly sent: Request[];
}

/** A provider with the grant; `respond` answers what it sends to clients. */
async function ready(
  options: Partial<CibaOptions> = {},
  respond: (request: Request) => Response | Promise<Response> = () => new Response(null, { status: 204 }),
  more: Parameters<typeof createWorld>[0] = {},
): Promise<Ciba> {
  const notices: Notice[] = [];
  const sent: Request[] = [];
  const grant = ciba({
    resolve: (login_hint) => (login_hint.endsWith("@people.test") ? login_hint.slice(0, -12) : undefined),
    notify: (notice) => void notices.push(notice),
    pingDelays: [0, 0],
    ...options,
  });
  const world = await createWorld({
    grants: [authorizationCode, refreshToken, grant],
    async fetch(input, init) {
      const request = new Request(input, init);
      sent.push(request.clone());
      return respond(request);
    },
    ...more,
  });
  for (const client of [desk, pinger]) await world.addClient(client);
  return { ...world, notices, sent };
}

const bc = (world: World, fields: Fields = {}, client = desk) =>
  post(world, "/backchannel-authentication", { scope: "openid", login_hint: "alice@people.test", ...fields }, client);

interface Started {
  readonly auth_req_id: string;
  readonly expires_in: number;
  readonly interval: number;
}

async function ask(world: World, fields: Fields = {}, client = desk): Promise<Started> {
  const response = await bc(world, fields, client);
  const body = await response.json();
  assert.equal(response.status, 200, JSON.stringify(body));
  assert.equal(response.headers.get("cache-control"), "no-store");
  return body as Started;
}

const poll = (world: World, { auth_req_id }: { auth_req_id: string }, client = desk) =>
  post(world, "/token", { grant_type: cibaGrant, auth_req_id }, client);

/** Opens what waits for a person, in the browser they are signed in in; gives the interaction. */
async function open(world: World, browser: Browser, subject: string): Promise<string> {
  const [waiting] = await world.provider.approvals.list(subject);
  assert.ok(waiting, "nothing waits");
  const opened = await world.provider.approvals.open(browser.request("/approve"), waiting.id);
  assert.ok(opened);
  browser.keep(opened);
  return interactionIn(await browser.get(locationOf(opened).url.href));
}

async function decide(world: World, decision: "allow" | "deny", subject = "alice"): Promise<string> {
  const browser = world.browser();
  await signIn(world, browser, subject);
  const id = await open(world, browser, subject);
  return locationOf(await answer(world, browser, id, { step: "consent", decision })).url.href;
}

/** The client was told, or it was given up. */
async function pinged(world: World): Promise<void> {
  const over = () => world.lines.some(({ fields }) => fields.event === "ping.sent" || fields.event === "ping.failed");
  while (!over()) await new Promise((resolve) => setImmediate(resolve));
}

describe("the backchannel authentication endpoint (CIBA Core §7)", () => {
  it("answers with an auth_req_id, tells the person where to decide, and yields tokens once they have", async () => {
    const world = await ready();
    const started = await ask(world, { binding_message: "W4SCT", scope: "openid email" });
    assert.match(started.auth_req_id, /^vk_backchannel_[\w-]+$/);
    assert.equal(started.expires_in, 300);
    assert.equal(started.interval, 5);
    const [notice] = world.notices;
    assert.equal(notice?.subject, "alice");
    assert.equal(notice.url, `${issuer}/approve?request=${notice.id}`);
    assert.deepEqual(notice.client, { client_id: "desk", client_name: "Call Centre" });
    assert.equal(notice.binding_message, "W4SCT");
    await assertError(await poll(world, started), "authorization_pending");
    assert.equal(await decide(world, "allow"), `${issuer}/approve?done=approved`);
    const tokens = await tokensOf(await poll(world, started));
    assert.equal(tokens.scope, "openid email");
    assert.equal(claimsOf(tokens.id_token).sub, "alice");
    assert.equal(claimsOf(tokens.id_token).aud, "desk");
    assert.equal((await userinfo(world, tokens.access_token)).status, 200);
    assert.equal(await activeOf(world, tokens), "access refresh");
    await assertError(await poll(world, started), "invalid_grant");
  });

  it("is announced (§4)", async () => {
    const { metadata } = (await ready()).provider;
    assert.equal(metadata.backchannel_authentication_endpoint, `${issuer}/backchannel-authentication`);
    assert.deepEqual(metadata.backchannel_token_delivery_modes_supported, ["poll", "ping"]);
    assert.equal(metadata.backchannel_user_code_parameter_supported, false);
    assert.ok(metadata.grant_types_supported?.includes(cibaGrant));
    const { provider } = await ready({ checkUserCode: () => true });
    assert.equal(provider.metadata.backchannel_user_code_parameter_supported, true);
  });

  it("is for confidential clients that registered the grant type and prove who they are (§7.1)", async () => {
    const world = await ready();
    await world.addClient({ ...pub, client_id: "app", grant_types: [cibaGrant] });
    await assertError(await bc(world, {}, rp), "unauthorized_client");
    await assertError(await bc(world, {}, { ...pub, client_id: "app" }), "unauthorized_client");
    await assertError(
      await bc(world, {}, { ...desk, client_secret: rp.client_secret?.replace("a", "b") ?? "" }),
      "invalid_client",
    );
  });

  it("CB-02 wants exactly one hint, and one that names somebody", async () => {
    const world = await ready();
    const hint = await idToken({ sub: "alice", aud: "desk" });
    const table: [Fields, string][] = [
      [{ login_hint: undefined }, "invalid_request"],
      [{ id_token_hint: hint }, "invalid_request"],
      [{ login_hint: undefined, login_hint_token: "x" }, "invalid_request"],
      [{ login_hint_token: "x" }, "invalid_request"],
      [{ login_hint: undefined, id_token_hint: "forged" }, "invalid_request"],
      [{ login_hint: undefined, id_token_hint: `${hint.slice(0, -5)}AAAAA` }, "invalid_request"],
      [{ login_hint: undefined, id_token_hint: await idToken({ sub: "alice" }) }, "invalid_request"],
      [{ login_hint: undefined, id_token_hint: await idToken({ sub: "nobody", aud: "desk" }) }, "unknown_user_id"],
      [{ login_hint: "nobody@people.test" }, "unknown_user_id"],
      [{ login_hint: "nonsense" }, "unknown_user_id"],
      [{ login_hint: "x".repeat(300) }, "invalid_request"],
    ];
    for (const [fields, error] of table) await assertError(await bc(world, fields), error);
    assert.deepEqual(await world.provider.approvals.list("alice"), []);
    // One that has expired names the person all the same.
    await ask(world, {
      login_hint: undefined,
      id_token_hint: await idToken({ sub: "alice", aud: "desk", exp: start / 1000 - 9999, iat: 1 }),
    });
  });

  it("CB-02 login_hint_token is for the function that reads it, which can say that it has expired", async () => {
    const world = await ready({
      resolveToken(text) {
        if (text === "old") throw expiredLoginHintToken("too old");
        return text === "good" ? "bob" : undefined;
      },
    });
    await assertError(await bc(world, { login_hint: undefined, login_hint_token: "old" }), "expired_login_hint_token");
    await assertError(await bc(world, { login_hint: undefined, login_hint_token: "bad" }), "unknown_user_id");
    await ask(world, { login_hint: undefined, login_hint_token: "good" });
    assert.equal((await world.provider.approvals.list("bob")).length, 1);
  });

  it("CB-02 a client that names many unknown people has to wait; others do not", async () => {
    const world = await ready();
    await world.addClient({ ...desk, client_id: "desk2" });
    for (let n = 0; n < 100; n++) await bc(world, { login_hint: `n${n}@people.test` });
    await assertError(await bc(world), "temporarily_unavailable", 429);
    await ask(world, {}, { ...desk, client_id: "desk2" });
  });

  it("CB-03 binding_message is short and plain, and shown as it is", async () => {
    const world = await ready();
    for (const binding_message of [
      "x".repeat(10_240),
      "a\nb",
      "a\u0007b",
      "a\u202eb",
      "a\u2066b",
      "a\u200bb",
      "a\ufeffb",
      "   ",
    ])
      await assertError(await bc(world, { binding_message }), "invalid_binding_message");
    await ask(world, { binding_message: "<b>42 €</b> שלום" });
    const listed = await world.provider.approvals.list("alice");
    assert.equal(listed.at(-1)?.binding_message, "<b>42 €</b> שלום");
  });

  it("CB-08 requested_expiry is a positive number, and clamped", async () => {
    const world = await ready();
    for (const requested_expiry of ["0", "-1", "1.5", "soon", "1e3", "9".repeat(400)])
      await assertError(await bc(world, { requested_expiry }), "invalid_request");
    assert.equal((await ask(world, { requested_expiry: "1000000000" })).expires_in, 900);
    const brief = await ask(world, { requested_expiry: "30" });
    assert.equal(brief.expires_in, 30);
    world.clock.advance(30);
    await assertError(await poll(world, brief), "expired_token");
  });

  it("what is asked for is checked as at the authorization endpoint, and must contain openid", async () => {
    const world = await ready();
    for (const [fields, error] of [
      [{ scope: "email" }, "invalid_scope"],
      [{ scope: "nothing" }, "invalid_scope"],
      [{ resource: "https://unknown.test/" }, "invalid_target"],
      [{ claims: JSON.stringify({ id_token: { sub: { value: "bob" } } }) }, "invalid_request"],
      [{ request_uri: "https://desk.test/r" }, "invalid_request"],
    ] as const)
      await assertError(await bc(world, fields), error);
  });

  it("a person's own secret keeps strangers from ringing, and is guessed slowly (§7.1)", async () => {
    const world = await ready({ checkUserCode: (subject, user_code) => subject === "alice" && user_code === "4711" });
    await assertError(await bc(world), "missing_user_code");
    await assertError(await bc(world, { user_code: "1234" }), "invalid_user_code");
    await ask(world, { user_code: "4711" });
    for (let n = 0; n < 8; n++) await bc(world, { user_code: `${n}` });
    await assertError(await bc(world, { user_code: "4711" }), "temporarily_unavailable", 429);
  });

  it("CB-06 a hundred requests for one person: five wait, the others are 429", async () => {
    const world = await ready();
    const all = await Promise.all(Array.from({ length: 100 }, () => bc(world)));
    const statuses = all.map(({ status }) => status);
    assert.ok(statuses.filter((status) => status === 200).length < 20);
    assert.equal(
      statuses.filter((status) => status === 429).length + statuses.filter((status) => status === 200).length,
      100,
    );
    world.clock.advance(601);
    for (let n = 0; n < 5; n++) await ask(world);
    const refused = await bc(world);
    await assertError(refused, "temporarily_unavailable", 429);
    assert.ok(Number(refused.headers.get("retry-after")) > 200);
    assert.equal((await world.provider.approvals.list("alice")).length, 5);
    await ask(world, { login_hint: "bob@people.test" });
  });

  it("a notification that fails changes nothing: the person finds the request in the list", async () => {
    const world = await ready({
      notify() {
        throw new Error("no mail today");
      },
    });
    const started = await ask(world);
    assert.equal(await decide(world, "allow"), `${issuer}/approve?done=approved`);
    await tokensOf(await poll(world, started));
  });
});

describe("deciding (CIBA Core §8, RFC 10027)", () => {
  it("is for the person who was named alone", async () => {
    const world = await ready();
    const started = await ask(world);
    const [notice] = world.notices;
    assert.ok(notice);
    assert.deepEqual(await world.provider.approvals.list("bob"), []);
    assert.equal(await world.provider.approvals.open(world.browser().request("/approve"), "nothing"), undefined);
    for (const signedIn of [true, false]) {
      const browser = world.browser();
      if (signedIn) await signIn(world, browser, "bob");
      const opened = await world.provider.approvals.open(browser.request("/approve"), notice.id);
      assert.ok(opened);
      browser.keep(opened);
      const response = await browser.get(locationOf(opened).url.href);
      assert.equal(locationOf(response).page, `${issuer}/login`);
      const asBob = await answer(world, browser, interactionIn(response), { step: "login", subject: "bob" });
      assert.equal(locationOf(asBob).url.href, `${issuer}/approve?done=failed`);
    }
    await assertError(await poll(world, started), "authorization_pending");
    // A link in a mail: the person signs in on the way.
    const alice = world.browser();
    const opened = await world.provider.approvals.open(alice.request("/approve"), notice.id);
    assert.ok(opened);
    alice.keep(opened);
    const id = interactionIn(await alice.get(locationOf(opened).url.href));
    assert.equal(
      locationOf(await answer(world, alice, id, { step: "login", subject: "alice" })).page,
      `${issuer}/consent`,
    );
    await answer(world, alice, id, { step: "consent", decision: "allow" });
    await tokensOf(await poll(world, started));
    assert.equal(await world.provider.approvals.open(alice.request("/approve"), notice.id), undefined);
  });

  it("somebody else who signs in in the same browser can neither allow nor refuse it", async () => {
    const world = await ready();
    const started = await ask(world);
    for (const what of [
      { step: "consent", decision: "allow" },
      { step: "consent", decision: "deny" },
      { cancel: true },
    ] as const) {
      const browser = world.browser();
      await signIn(world, browser, "alice");
      const id = await open(world, browser, "alice");
      browser.keep(await world.provider.sessions.end(browser.request("/")));
      await signIn(world, browser, "bob");
      const end = locationOf(await answer(world, browser, id, what));
      assert.notEqual(end.parameters.done, "denied");
      assert.notEqual(end.parameters.done, "approved");
      await assertError(await poll(world, started), "authorization_pending");
      world.clock.advance(60);
    }
  });

  it("is always asked, shows both messages, and a refusal is final", async () => {
    const world = await ready();
    await world.addClient({ ...desk, client_id: "own", firstParty: true });
    const own = { ...desk, client_id: "own" };
    const started = await ask(world, { binding_message: "Q7" }, own);
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const id = await open(world, browser, "alice");
    const interaction = await world.provider.interactions.find(browser.request("/"), id);
    assert.equal(interaction?.step, "consent");
    assert.equal(interaction.destination, undefined);
    assert.equal(interaction.approval?.kind, "backchannel");
    assert.equal(interaction.approval.binding_message, "Q7");
    assert.equal(interaction.approval.network, "192.0.2.7");
    assert.equal(interaction.approval.user_code, undefined);
    const denied = await answer(world, browser, id, { step: "consent", decision: "deny" });
    assert.equal(locationOf(denied).url.href, `${issuer}/approve?done=denied`);
    await assertError(await poll(world, started, own), "access_denied");
    assert.deepEqual(await world.provider.approvals.list("alice"), []);
  });

  it("polling: slow_down, another client's id, an id that was guessed (§11)", async () => {
    const world = await ready();
    const started = await ask(world);
    await assertError(await poll(world, started), "authorization_pending");
    world.clock.advance(2);
    await assertError(await poll(world, started), "slow_down");
    await assertError(await poll(world, started, pinger), "invalid_grant");
    await assertError(
      await poll(world, { auth_req_id: `${started.auth_req_id.slice(0, -8)}AAAAAAAA` }),
      "invalid_grant",
    );
    await assertError(await post(world, "/token", { grant_type: cibaGrant }, desk), "invalid_request");
  });

  it("a DPoP proof that came with the request binds the redemption (RFC 9449)", async () => {
    const world = await ready({}, undefined, { bindings: [dpop()] });
    const [own, foreign] = [await generateDpopKey(), await generateDpopKey()];
    const send = async (path: string, fields: Record<string, string>, by?: typeof own) => {
      const proof = by && (await createDpopProof({ key: by, htm: "POST", htu: issuer + path, now: world.clock.now }));
      const headers = { authorization: basicHeader("desk", desk.client_secret ?? ""), ...(proof && { DPoP: proof }) };
      return sendAs(world, path, { method: "POST", body: new URLSearchParams(fields), headers });
    };
    const asked = { scope: "openid", login_hint: "alice@people.test" };
    const { auth_req_id } = (await (await send("/backchannel-authentication", asked, own)).json()) as Started;
    await decide(world, "allow");
    const form = { grant_type: cibaGrant, auth_req_id };
    await assertError(await send("/token", form), "invalid_grant");
    await assertError(await send("/token", form, foreign), "invalid_grant");
    assert.equal((await tokensOf(await send("/token", form, own))).token_type, "DPoP");
  });

  it("fifty polls at once after the approval: one token", async () => {
    const world = await ready();
    const started = await ask(world);
    await decide(world, "allow");
    const all = await Promise.all(Array.from({ length: 50 }, () => poll(world, started)));
    assert.equal(all.filter(({ status }) => status === 200).length, 1);
  });
});

describe("ping (CIBA Core §10.2)", () => {
  const pings = { client_notification_token: token };

  it("tells the client of a decision, with its token, at its endpoint; then it fetches the tokens", async () => {
    for (const [decision, error] of [
      ["allow", undefined],
      ["deny", "access_denied"],
    ] as const) {
      const world = await ready();
      const started = await ask(world, pings, pinger);
      await poll(world, started, pinger);
      assert.equal(world.sent.length, 0);
      await decide(world, decision);
      await pinged(world);
      const [sent, ...more] = world.sent;
      assert.equal(more.length, 0);
      assert.equal(sent?.url, "https://pinger.test/ping");
      assert.equal(sent.method, "POST");
      assert.equal(sent.redirect, "manual");
      assert.equal(sent.headers.get("authorization"), `Bearer ${token}`);
      assert.deepEqual(await sent.json(), { auth_req_id: started.auth_req_id });
      const answered = await poll(world, started, pinger);
      if (error === undefined) await tokensOf(answered);
      else await assertError(answered, error);
    }
  });

  it("neither the token nor the auth_req_id is in the store or the log", async () => {
    const world = await ready();
    const { auth_req_id } = await ask(world, pings, pinger);
    await decide(world, "allow");
    await pinged(world);
    const kept = JSON.stringify([world.lines, await world.store.list("backchannel", { limit: 10 })]);
    assert.ok(kept.includes("pinger"));
    for (const secret of [token, auth_req_id, auth_req_id.slice(-38, -6)]) assert.ok(!kept.includes(secret));
  });

  it("needs a token that cannot be guessed (§7.1)", async () => {
    const world = await ready();
    for (const client_notification_token of [undefined, "short", "x y".repeat(20), "x".repeat(1025)])
      await assertError(await bc(world, { client_notification_token }, pinger), "invalid_request");
  });

  it("CB-07 a redirect is not followed, a refusal is final, an outage is tried again a few times; the person waits for none", async () => {
    const table: [() => Response | Promise<Response>, number][] = [
      [() => Response.redirect("https://evil.test/", 302), 1],
      [() => new Response(null, { status: 401 }), 1],
      [() => new Response(null, { status: 403 }), 1],
      [() => new Response(null, { status: 500 }), 3],
      [() => Promise.reject(new TypeError("the address is private")), 3],
      [() => new Response("x".repeat(100_000)), 3],
    ];
    for (const [respond, times] of table) {
      const world = await ready({}, respond);
      const started = await ask(world, pings, pinger);
      assert.equal(await decide(world, "allow"), `${issuer}/approve?done=approved`);
      await pinged(world);
      assert.equal(world.sent.length, times);
      assert.ok(world.sent.every(({ url }) => url === "https://pinger.test/ping"));
      await tokensOf(await poll(world, started, pinger));
    }
    // One that never answers keeps nobody.
    const world = await ready({}, () => new Promise(() => {}));
    await ask(world, pings, pinger);
    assert.equal(await decide(world, "allow"), `${issuer}/approve?done=approved`);
  });
});

describe("signed requests (CIBA Core §7.1.1)", () => {
  const signer = (): TestClient => ({
    ...desk,
    client_id: "signer",
    backchannel_authentication_request_signing_alg: "ES256",
    jwks: { keys: [key.publicJwk] },
  });
  let jti = 0;
  const object = (changes: Record<string, unknown> = {}, { by = key, typ }: { by?: SigningKey; typ?: string } = {}) => {
    const seconds = start / 1000;
    jti += 1;
    const claims = {
      iss: "signer",
      aud: issuer,
      iat: seconds,
      nbf: seconds,
      exp: seconds + 300,
      jti: `j${jti}`,
      scope: "openid",
      login_hint: "alice@people.test",
      requested_expiry: 120,
      ...changes,
    };
    return signJwt(claims, { key: by.privateJwk, alg: "ES256", kid: by.kid, ...(typ === undefined ? {} : { typ }) });
  };
  const send = (world: World, fields: Fields, client = signer()) =>
    post(world, "/backchannel-authentication", fields, client);

  it("count with what is inside them, and once", async () => {
    const world = await ready();
    await world.addClient(signer());
    const request = await object();
    const response = await send(world, { request });
    assert.equal(response.status, 200, await response.clone().text());
    assert.equal(((await response.json()) as Started).expires_in, 120);
    assert.match(await assertError(await send(world, { request }), "invalid_request"), /before/);
  });

  it("CB-08 are required of a client that registered to sign, and of no use to one that did not", async () => {
    const world = await ready();
    await world.addClient(signer());
    await assertError(await send(world, { scope: "openid", login_hint: "alice@people.test" }), "invalid_request");
    await assertError(await send(world, { request: await object({ iss: "desk" }) }, desk), "invalid_request");
  });

  it("CB-08 are refused without exp, nbf, iat, jti, iss or aud, by another key, for another server, for too long", async () => {
    const world = await ready();
    await world.addClient(signer());
    const seconds = start / 1000;
    const bad: (Record<string, unknown> & { by?: SigningKey; typ?: string })[] = [
      ...["exp", "nbf", "iat", "jti", "iss", "aud"].map((name) => ({ [name]: undefined })),
      { by: stranger },
      { aud: "https://other.test" },
      { iss: "desk" },
      { exp: seconds - 60 },
      { nbf: seconds + 600, exp: seconds + 900 },
      { nbf: seconds - 7200, exp: seconds + 60 },
      { exp: seconds + 7200 },
      { sub: "signer" },
      { response_type: "code" },
      { request: "e30.e30.e30" },
      { typ: "client-authentication+jwt" },
      { requested_expiry: -1 },
      { requested_expiry: "soon" },
    ];
    for (const { by, typ, ...changes } of bad) {
      const request = await object(changes, {
        ...(by === undefined ? {} : { by }),
        ...(typ === undefined ? {} : { typ }),
      });
      await assertError(await send(world, { request }), "invalid_request");
    }
    await assertError(await send(world, { request: await object(), scope: "openid email" }), "invalid_request");
    await assertError(await send(world, { request: await object(), resource: "https://api.test/" }), "invalid_request");
    await assertError(await send(world, { request: "nonsense" }), "invalid_request");
    assert.deepEqual(await world.provider.approvals.list("alice"), []);
  });
});

describe("client metadata (CIBA Core §4)", () => {
  const { client_secret: _, client_id: __, ...metadata } = pinger;
  const add = async (changes: Record<string, unknown>, provenance: "admin" | "dynamic" = "admin") => {
    const { provider } = await ready();
    return provider.clients.add({ ...metadata, ...changes } as Parameters<typeof provider.clients.add>[0], {
      provenance,
    });
  };

  it("poll and ping are known, push is not; ping needs an https endpoint, signing needs keys", async () => {
    const { client } = await add({});
    assert.equal(client.metadata.backchannel_token_delivery_mode, "ping");
    await add({ backchannel_token_delivery_mode: "poll", backchannel_client_notification_endpoint: undefined });
    await add({ backchannel_client_notification_endpoint: "http://localhost:4000/ping" });
    await add({ backchannel_authentication_request_signing_alg: "ES256", jwks: { keys: [key.publicJwk] } });
    const bad: Record<string, unknown>[] = [
      { backchannel_token_delivery_mode: "push" },
      { backchannel_client_notification_endpoint: undefined },
      { backchannel_client_notification_endpoint: "http://pinger.test/ping" },
      { backchannel_client_notification_endpoint: "https://user@pinger.test/ping" },
      { backchannel_client_notification_endpoint: "javascript:alert(1)" },
      { backchannel_authentication_request_signing_alg: "ES256" },
      { backchannel_authentication_request_signing_alg: "none", jwks: { keys: [key.publicJwk] } },
      { backchannel_user_code_parameter: true },
      { token_endpoint_auth_method: "none" },
    ];
    for (const changes of bad)
      await assert.rejects(add(changes), { error: "invalid_client_metadata" }, JSON.stringify(changes));
    await assert.rejects(add({ backchannel_client_notification_endpoint: "http://localhost:4000/ping" }, "dynamic"), {
      error: "invalid_client_metadata",
    });
  });
});
