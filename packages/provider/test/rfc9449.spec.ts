import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { basicHeader } from "@valetkey/protocol/authorization-header";
import { createDpopProof, type DpopKey, dpopThumbprint, generateDpopKey } from "@valetkey/protocol/dpop";
import { dpopNonce } from "@valetkey/protocol/dpop-nonce";
import { generateKey, signJwt } from "@valetkey/protocol/jose";
import { boundAlways, boundForPublicClients } from "@valetkey/provider/binding-policy";
import { certificateBound } from "@valetkey/provider/bindings/certificate";
import { dpop } from "@valetkey/provider/bindings/dpop";
import { createProvider } from "@valetkey/provider/provider";
import { pushedRequests } from "@valetkey/provider/pushed-requests";
import {
  authorizeUrl,
  codeFor,
  createWorld,
  issuer,
  keys,
  locationOf,
  rp,
  secret,
  signIn,
  start,
  type TestClient,
  verifier,
  type World,
} from "./op.ts";
import {
  activeOf,
  api,
  assertError,
  claimsOf,
  type Fields,
  pub,
  sendAs,
  service,
  signedApi,
  tokensOf,
} from "./token-side.ts";

let key: DpopKey;
let other: DpopKey;
before(async () => {
  key = await generateDpopKey();
  other = await generateDpopKey();
});

interface Sent {
  readonly by?: DpopKey;
  readonly proof?: string;
  readonly nonce?: string;
  readonly now?: number;
}

const ready = (options: Parameters<typeof createWorld>[0] = {}) =>
  createWorld({ bindings: [dpop()], push: pushedRequests(), resources: [api, signedApi], ...options });

async function proofFor(
  world: World,
  path: string,
  { by = key, nonce, now = world.clock.now }: Sent = {},
  htm = "POST",
  access_token?: string,
) {
  return createDpopProof({
    key: by,
    htm,
    htu: issuer + path,
    now,
    ...(nonce === undefined ? {} : { nonce }),
    access_token,
  });
}

async function post(
  world: World,
  path: string,
  fields: Fields,
  client: TestClient = rp,
  sent: Sent | undefined = {},
): Promise<Response> {
  const body = new URLSearchParams();
  const { client_secret } = client;
  const all: Fields = client_secret === undefined ? { client_id: client.client_id, ...fields } : fields;
  for (const [name, value] of Object.entries(all))
    for (const one of typeof value === "string" ? [value] : (value ?? [])) body.append(name, one);
  const headers: Record<string, string> =
    client_secret === undefined ? {} : { authorization: basicHeader(client.client_id, client_secret) };
  if (sent !== undefined) headers.dpop = sent.proof ?? (await proofFor(world, path, sent));
  return sendAs(world, path, { method: "POST", body, headers });
}

const redeem = (world: World, code: string, client: TestClient = rp, sent: Sent | undefined = {}) => {
  const [redirect_uri] = client.redirect_uris as string[];
  return post(
    world,
    "/token",
    { grant_type: "authorization_code", code, redirect_uri, code_verifier: verifier },
    client,
    sent,
  );
};

const refresh = (
  world: World,
  refresh_token: string | undefined,
  client: TestClient = rp,
  sent: Sent | undefined = {},
) => post(world, "/token", { grant_type: "refresh_token", refresh_token }, client, sent);

async function userinfo(
  world: World,
  token: string,
  { scheme = "DPoP", ...sent }: Sent & { scheme?: string } = {},
  proof = true,
) {
  const headers: Record<string, string> = { authorization: `${scheme} ${token}` };
  if (proof) headers.dpop = sent.proof ?? (await proofFor(world, "/userinfo", sent, "GET", token));
  return sendAs(world, "/userinfo", { headers });
}

const code = (world: World, client = rp, changes = {}) =>
  codeFor(world, "alice", {
    client_id: client.client_id,
    redirect_uri: (client.redirect_uris as string[])[0],
    ...changes,
  });

describe("tokens bound to a key (RFC 9449 §5, §6)", () => {
  it("a proof at the token endpoint binds the token; introspection and userinfo know (DP-13)", async () => {
    const world = await ready();
    const tokens = await tokensOf(await redeem(world, await code(world)));
    assert.equal(tokens.token_type, "DPoP");
    const state = await world.provider.tokens.read(tokens.access_token);
    assert.deepEqual(state?.cnf, { jkt: await dpopThumbprint(key) });
    const seen = (await (
      await post(world, "/introspect", { token: tokens.access_token }, rp, undefined as never)
    ).json()) as Record<string, unknown>;
    assert.equal(seen.token_type, "DPoP");
    assert.deepEqual(seen.cnf, { jkt: await dpopThumbprint(key) });
    assert.equal((await userinfo(world, tokens.access_token)).status, 200);
  });

  it("a signed token carries cnf (§6.1)", async () => {
    const world = await ready();
    const svc = { ...service, scope: "signed:read" };
    await world.addClient(svc);
    const tokens = await tokensOf(
      await post(world, "/token", { grant_type: "client_credentials", resource: signedApi.resource }, svc),
    );
    assert.deepEqual(claimsOf(tokens.access_token).cnf, { jkt: await dpopThumbprint(key) });
  });

  it("without a proof it is a bearer token, as before", async () => {
    const world = await ready();
    const headers = { authorization: basicHeader(rp.client_id, rp.client_secret ?? "") };
    const body = new URLSearchParams({
      grant_type: "authorization_code",
      code: await code(world),
      redirect_uri: "https://rp.test/cb",
      code_verifier: verifier,
    });
    const tokens = await tokensOf(await sendAs(world, "/token", { method: "POST", body, headers }));
    assert.equal(tokens.token_type, "Bearer");
  });

  it("a refresh token of a public client is bound too; that of a confidential one is not (§5)", async () => {
    const world = await ready();
    await world.addClient(pub);
    const tokens = await tokensOf(await redeem(world, await code(world, pub), pub));
    await assertError(await refresh(world, tokens.refresh_token, pub, { by: other }), "invalid_grant");
    // The wrong key spends nothing and sets off no alarm.
    const next = await tokensOf(await refresh(world, tokens.refresh_token, pub));
    assert.equal(await activeOf(world, next), "access refresh");
    const mine = await tokensOf(await redeem(world, await code(world)));
    const rebound = await tokensOf(await refresh(world, mine.refresh_token, rp, { by: other }));
    assert.deepEqual((await world.provider.tokens.read(rebound.access_token))?.cnf, {
      jkt: await dpopThumbprint(other),
    });
  });

  it("who registered dpop_bound_access_tokens gets nothing without a proof (§5.2); a policy can ask everybody", async () => {
    const world = await ready();
    const strict = { ...rp, client_id: "strict", dpop_bound_access_tokens: true };
    await world.addClient(strict);
    const handle = await code(world, strict);
    const body = (id: string) =>
      new URLSearchParams({
        grant_type: "authorization_code",
        code: id,
        redirect_uri: "https://rp.test/cb",
        code_verifier: verifier,
      });
    const headers = { authorization: basicHeader("strict", rp.client_secret ?? "") };
    await assertError(
      await sendAs(world, "/token", { method: "POST", body: body(handle), headers }),
      "invalid_request",
    );
    await tokensOf(await redeem(world, handle, strict));

    const all = await ready({ boundTokens: boundAlways });
    const plain = { authorization: basicHeader("rp", rp.client_secret ?? "") };
    await assertError(
      await sendAs(all, "/token", { method: "POST", body: body(await code(all)), headers: plain }),
      "invalid_request",
    );
    const some = await ready({ boundTokens: boundForPublicClients });
    await tokensOf(await sendAs(some, "/token", { method: "POST", body: body(await code(some)), headers: plain }));
  });

  it("is neither looked at nor announced unless it is in the list", async () => {
    const world = await createWorld();
    assert.equal(world.provider.metadata.dpop_signing_alg_values_supported, undefined);
    assert.equal((await tokensOf(await redeem(world, await code(world)))).token_type, "Bearer");
  });
});

describe("the code is bound to the key (RFC 9449 §10)", () => {
  it("dpop_jkt names the key that redeems", async () => {
    const world = await ready();
    const handle = await code(world, rp, { dpop_jkt: await dpopThumbprint(key) });
    await assertError(await redeem(world, handle, rp, { by: other }), "invalid_grant");
    await tokensOf(await redeem(world, handle));
  });

  it("a proof with a pushed request does the same (§10.1), and must agree with dpop_jkt", async () => {
    const world = await ready();
    const browser = world.browser();
    await world.addClient({ ...rp, client_id: "quick", firstParty: true });
    const quick = { ...rp, client_id: "quick" };
    await signIn(world, browser, "alice");
    const request = { ...Object.fromEntries(new URL(authorizeUrl()).searchParams), client_id: "quick" };
    const clash = { ...request, dpop_jkt: await dpopThumbprint(other) };
    await assertError(await post(world, "/par", clash, quick), "invalid_request");
    const { request_uri } = (await (await post(world, "/par", request, quick)).json()) as { request_uri: string };
    const { parameters } = locationOf(
      await browser.get(`/authorize?${new URLSearchParams({ client_id: "quick", request_uri })}`),
    );
    await assertError(await redeem(world, parameters.code ?? "", quick, { by: other }), "invalid_grant");
    await tokensOf(await redeem(world, parameters.code ?? "", quick));
  });

  it("without proofs dpop_jkt is a parameter that is not known, and is ignored (RFC 6749 §3.1)", async () => {
    const world = await createWorld({ bindings: [certificateBound()] });
    for (const dpop_jkt of [await dpopThumbprint(key), "x"]) {
      const tokens = await tokensOf(await redeem(world, await code(world, rp, { dpop_jkt })));
      assert.equal(tokens.token_type, "Bearer");
    }
  });

  it("what is no thumbprint is refused", async () => {
    const world = await ready();
    assert.equal(
      locationOf(await world.browser().get(authorizeUrl({ dpop_jkt: "x" }))).parameters.error,
      "invalid_request",
    );
  });
});

describe("proofs (RFC 9449 §4.3, §11.1)", () => {
  const bad: [string, (world: World) => Promise<string>][] = [
    ["another method (DP-04)", (world) => proofFor(world, "/token", {}, "GET")],
    ["another URL (DP-04)", (world) => proofFor(world, "/userinfo")],
    [
      "another host",
      (world) => createDpopProof({ key, htm: "POST", htu: "https://evil.test/token", now: world.clock.now }),
    ],
    ["one from an hour ago (DP-05)", (world) => proofFor(world, "/token", { now: world.clock.now - 3_600_000 })],
    ["one from the future (DP-05)", (world) => proofFor(world, "/token", { now: world.clock.now + 3_600_000 })],
    ["two proofs (DP-09)", async (world) => `${await proofFor(world, "/token")}, ${await proofFor(world, "/token")}`],
    ["what is no JWT (DP-01)", async () => "x.y"],
    [
      "a proof without jwk (DP-01)",
      async (world) => {
        const { privateJwk } = await generateKey("ES256");
        const iat = world.clock.now / 1000;
        return signJwt(
          { jti: "1", htm: "POST", htu: `${issuer}/token`, iat },
          { key: privateJwk, alg: "ES256", typ: "dpop+jwt" },
        );
      },
    ],
    ["a megabyte (DP-11)", async () => `${"a".repeat(1_000_000)}.b.c`],
  ];
  for (const [title, make] of bad) {
    it(`refuses ${title}: 400 invalid_dpop_proof, and nothing is spent`, async () => {
      const world = await ready();
      const handle = await code(world);
      await assertError(await redeem(world, handle, rp, { proof: await make(world) }), "invalid_dpop_proof");
      await tokensOf(await redeem(world, handle));
    });
  }

  it("a proof counts once, also for fifty requests at the same time", async () => {
    const world = await ready();
    const svc = { ...service, scope: "api:read" };
    await world.addClient(svc);
    const proof = await proofFor(world, "/token");
    const all = await Promise.all(
      Array.from({ length: 50 }, () => post(world, "/token", { grant_type: "client_credentials" }, svc, { proof })),
    );
    assert.deepEqual(all.map(({ status }) => status).sort(), [200, ...Array.from({ length: 49 }, () => 400)]);
  });

  it("query and case of the host do not count (DP-04)", async () => {
    const world = await ready();
    const proof = await createDpopProof({ key, htm: "POST", htu: "HTTPS://ID.test:443/token?x=1#y", now: start });
    await tokensOf(await redeem(world, await code(world), rp, { proof }));
  });
});

describe("nonces of the server (RFC 9449 §8, DP-10)", () => {
  it("a proof without one is told it, in the header, and then counts; answers bring the next", async () => {
    const world = await ready({ bindings: [dpop({ nonces: true })] });
    const handle = await code(world);
    const refused = await redeem(world, handle);
    const nonce = refused.headers.get("dpop-nonce") ?? "";
    assert.match(refused.headers.get("access-control-expose-headers") ?? "", /DPoP-Nonce/);
    await assertError(refused, "use_dpop_nonce");
    const answered = await redeem(world, handle, rp, { nonce });
    assert.equal(answered.headers.get("dpop-nonce"), nonce);
    const { access_token } = await tokensOf(answered);
    const asked = await userinfo(world, access_token);
    assert.equal(asked.status, 401);
    assert.match(asked.headers.get("www-authenticate") ?? "", /^DPoP error="use_dpop_nonce"/);
    assert.equal((await userinfo(world, access_token, { nonce: asked.headers.get("dpop-nonce") ?? "" })).status, 200);
  });

  it("a guessed one, or one from ten minutes ago, does not count; one of the former secret does", async () => {
    const former = "the secret before the present one, long enough";
    const world = await ready({ bindings: [dpop({ nonces: true })], secret: [secret, former] });
    const old = await dpopNonce(secret, start - 600_000);
    for (const nonce of ["guess", old])
      await assertError(await redeem(world, await code(world), rp, { nonce }), "use_dpop_nonce");
    await tokensOf(await redeem(world, await code(world), rp, { nonce: await dpopNonce(former, start) }));
  });
});

describe("bound tokens at userinfo (RFC 9449 §7)", () => {
  const token = async (world: World) => (await tokensOf(await redeem(world, await code(world)))).access_token;
  const refusedAs = async (response: Response, error: string, scheme = "DPoP") => {
    assert.equal(response.status, 401);
    assert.match(response.headers.get("www-authenticate") ?? "", new RegExp(`^${scheme} error="${error}"`));
  };

  it("with the proof of another key, of another token, without ath, or without a proof: 401 (DP-06, DP-08)", async () => {
    const world = await ready();
    const access_token = await token(world);
    await refusedAs(await userinfo(world, access_token, { by: other }), "invalid_token");
    await refusedAs(
      await userinfo(world, access_token, { proof: await proofFor(world, "/userinfo", {}, "GET", "another") }),
      "invalid_dpop_proof",
    );
    await refusedAs(
      await userinfo(world, access_token, { proof: await proofFor(world, "/userinfo", {}, "GET") }),
      "invalid_dpop_proof",
    );
    await refusedAs(await userinfo(world, access_token, {}, false), "invalid_dpop_proof");
  });

  it("as a bearer token: 401, proof or not (§7.2); a bearer token as DPoP as well", async () => {
    const world = await ready();
    const access_token = await token(world);
    await refusedAs(await userinfo(world, access_token, { scheme: "Bearer" }), "invalid_token", "Bearer");
    await refusedAs(await userinfo(world, access_token, { scheme: "Bearer" }, false), "invalid_token", "Bearer");
    const headers = { authorization: basicHeader("rp", rp.client_secret ?? "") };
    const body = new URLSearchParams({
      grant_type: "authorization_code",
      code: await code(world),
      redirect_uri: "https://rp.test/cb",
      code_verifier: verifier,
    });
    const plain = await tokensOf(await sendAs(world, "/token", { method: "POST", body, headers }));
    await refusedAs(await userinfo(world, plain.access_token), "invalid_token");
  });

  it("nothing brought: both schemes are offered (RFC 6750 §3)", async () => {
    const world = await ready();
    const response = await sendAs(world, "/userinfo", {});
    assert.equal(response.status, 401);
    assert.equal(response.headers.get("www-authenticate"), "DPoP, Bearer");
  });

  it("bound by a method that is no longer in the list: it does not pass", async () => {
    const world = await ready();
    const access_token = await token(world);
    const { provider } = world;
    const later = createProvider({
      issuer,
      store: world.store,
      keys,
      accounts: { find: (subject) => world.people.get(subject) },
      secret,
      now: () => world.clock.now,
    });
    const request = async (dpop: string) =>
      new Request(`${issuer}/userinfo`, { headers: { authorization: `DPoP ${access_token}`, dpop } });
    const proof = () => proofFor(world, "/userinfo", {}, "GET", access_token);
    assert.equal((await provider.handle(await request(await proof())))?.status, 200);
    assert.equal((await later.handle(await request(await proof())))?.status, 401);
  });
});
