/**
 * The authorization challenge endpoint for one's own applications: draft-ietf-oauth-first-party-apps-04.
 */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { createDpopProof, type DpopKey, generateDpopKey } from "@valetkey/protocol/dpop";
import { dpop } from "@valetkey/provider/bindings/dpop";
import {
  type Attempt,
  experimentalFirstPartyApps,
  type Verdict,
} from "@valetkey/provider/experimental-first-party-apps";
import { pushedRequests } from "@valetkey/provider/pushed-requests";
import {
  answer,
  challenge,
  createWorld,
  issuer,
  locationOf,
  rp,
  signIn,
  type TestClient,
  verifier,
  type World,
} from "./op.ts";
import { activeOf, api, assertError, claimsOf, type Fields, pub, tokensOf } from "./token-side.ts";

const app: TestClient = {
  client_id: "app",
  client_name: "Our own app",
  redirect_uris: ["https://app.test/cb"],
  grant_types: ["authorization_code", "refresh_token"],
  token_endpoint_auth_method: "none",
  firstParty: true,
};

/** A password, and then what came by text message. */
const passwordThenCode = ({ form, state }: Attempt): Verdict => {
  if (form.go === "web") return { step: "web" };
  if (state === undefined || state === null) {
    if (form.password === undefined) return { step: "more", members: { ask: "password" } };
    if (form.password !== "open sesame") return { step: "refuse", description: "that is not the password" };
    return { step: "more", members: { ask: "otp" }, state: { subject: String(form.username) } };
  }
  if (form.otp !== "123456") return { step: "more", members: { ask: "otp", wrong: true }, state };
  return { step: "login", subject: String((state as { subject: string }).subject), amr: ["pwd", "otp"], acr: "strong" };
};

interface Ready {
  readonly world: World;
  readonly attempts: Attempt[];
}

async function ready(
  options: Parameters<typeof createWorld>[0] = {},
  decide: (attempt: Attempt) => Verdict = passwordThenCode,
  more: Partial<Parameters<typeof experimentalFirstPartyApps>[0]> = {},
): Promise<Ready> {
  const attempts: Attempt[] = [];
  const extension = experimentalFirstPartyApps({
    decide(attempt) {
      attempts.push(attempt);
      return decide(attempt);
    },
    ...more,
  });
  const world = await createWorld({ extensions: [extension], push: pushedRequests(), resources: [api], ...options });
  await world.addClient(app);
  return { world, attempts };
}

const first: Fields = {
  response_type: "code",
  scope: "openid offline_access",
  nonce: "n",
  code_challenge: challenge,
  code_challenge_method: "S256",
};

async function send(
  world: World,
  fields: Fields,
  headers: Record<string, string> = {},
  client_id = "app",
): Promise<Response> {
  const body = new URLSearchParams({ client_id });
  for (const [name, value] of Object.entries(fields)) if (typeof value === "string") body.set(name, value);
  return world.send("/challenge", { method: "POST", body, headers });
}

type Refusal = { error: string; auth_session?: string; ask?: string; request_uri?: string; expires_in?: number };

async function refused(response: Response, error: string, status = 403): Promise<Refusal> {
  const body = (await response.json()) as Refusal;
  assert.deepEqual({ status: response.status, error: body.error }, { status, error }, JSON.stringify(body));
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.equal(response.headers.get("content-type"), "application/json");
  return body;
}

const insufficient = (response: Response) => refused(response, "insufficient_authorization");

async function codeOf(response: Response): Promise<string> {
  const body = (await response.json()) as { authorization_code: string };
  assert.equal(response.status, 200, JSON.stringify(body));
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.deepEqual(Object.keys(body), ["authorization_code"]);
  return body.authorization_code;
}

const token = (world: World, code: string, headers: Record<string, string> = {}, fields: Fields = {}) => {
  const body = new URLSearchParams({
    client_id: "app",
    grant_type: "authorization_code",
    code,
    code_verifier: verifier,
  });
  for (const [name, value] of Object.entries(fields)) if (typeof value === "string") body.set(name, value);
  return world.send("/token", { method: "POST", body, headers });
};

/** The whole way with a password and a code. */
async function signedIn(
  world: World,
  fields: Fields = {},
  headers: () => Promise<Record<string, string>> = async () => ({}),
) {
  const { auth_session = "" } = await insufficient(
    await send(world, { ...first, username: "alice", password: "open sesame", ...fields }, await headers()),
  );
  return codeOf(await send(world, { auth_session, otp: "123456" }, await headers()));
}

describe("the authorization challenge endpoint (§4.1, §5)", () => {
  it("is announced, with the extension only (§8)", async () => {
    const { world } = await ready();
    assert.equal(world.provider.metadata.authorization_challenge_endpoint, `${issuer}/challenge`);
    const plain = await createWorld();
    assert.equal(plain.provider.metadata.authorization_challenge_endpoint, undefined);
    assert.equal(await plain.provider.handle(new Request(`${issuer}/challenge`, { method: "POST" })), undefined);
  });

  it("asks until it is enough, and then gives a code for the same tokens as ever (§5.2.1, §5.3, §6)", async () => {
    const { world, attempts } = await ready();
    const start = await insufficient(await send(world, first));
    assert.equal(start.ask, "password");
    const { auth_session = "" } = start;
    const next = await insufficient(await send(world, { auth_session, username: "alice", password: "open sesame" }));
    assert.equal(next.ask, "otp");
    assert.equal((await insufficient(await send(world, { auth_session, otp: "000000" }))).ask, "otp");
    const code = await codeOf(await send(world, { auth_session, otp: "123456" }));
    const tokens = await tokensOf(await token(world, code));
    const { sub, nonce, amr, acr, auth_time } = claimsOf(tokens.id_token);
    assert.deepEqual(
      { sub, nonce, amr, acr, auth_time },
      { sub: "alice", nonce: "n", amr: ["pwd", "otp"], acr: "strong", auth_time: world.clock.now / 1000 },
    );
    assert.equal(await activeOf(world, tokens), "access refresh");
    assert.deepEqual(await world.store.list("auth-session", {}), []);
    assert.deepEqual(
      attempts.map(({ request }) => request.scope),
      Array(4).fill(["openid", "offline_access"]),
    );
    await assertError(await token(world, code), "invalid_grant");
  });

  it("keeps nothing of what the person typed", async () => {
    const { world } = await ready();
    await insufficient(await send(world, { ...first, username: "alice", password: "open sesame" }));
    const kept = JSON.stringify(await world.store.list("auth-session", {}));
    assert.ok(!kept.includes("sesame"), kept);
    assert.match(kept, /code_challenge/);
  });

  it("takes what the authorization endpoint takes, and refuses what it refuses", async () => {
    const { world } = await ready();
    const refusals: readonly (readonly [Fields, string])[] = [
      [{ response_type: undefined }, "invalid_request"],
      [{ response_type: "token" }, "unsupported_response_type"],
      [{ scope: "nope" }, "invalid_scope"],
      [{ resource: "https://nope.test/" }, "invalid_target"],
      [{ code_challenge: undefined, code_challenge_method: undefined }, "invalid_request"],
      [{ code_challenge_method: "plain" }, "invalid_request"],
    ];
    for (const [changes, error] of refusals) await assertError(await send(world, { ...first, ...changes }), error);
    const code = await signedIn(world, { scope: "api:read", resource: api.resource });
    const { access_token } = await tokensOf(await token(world, code));
    assert.deepEqual((await world.provider.tokens.read(access_token))?.aud, [api.resource]);
  });

  it("holds the code to its verifier (RFC 7636 §4.6)", async () => {
    const { world } = await ready();
    const code = await signedIn(world);
    await assertError(await token(world, code, {}, { code_verifier: "x".repeat(43) }), "invalid_grant");
  });

  it("ends what it gave with all of a person's sessions, but for what is offline (P10, P11)", async () => {
    const { world } = await ready();
    const bound = await tokensOf(await token(world, await signedIn(world, { scope: "openid" })));
    const offline = await tokensOf(await token(world, await signedIn(world)));
    await world.provider.sessions.endAll("alice");
    assert.equal(await activeOf(world, bound), "");
    assert.equal(await activeOf(world, offline), "access refresh");
  });
});

describe("who may do this (§9.1, §9.4)", () => {
  it("clients that an administrator called first-party, and no others", async () => {
    const { world, attempts } = await ready();
    await world.addClient({ ...app, client_id: "third", firstParty: false });
    await world.addClient({ ...app, client_id: "stranger", provenance: "dynamic" });
    await world.addClient({ ...app, client_id: "off", disabled: true });
    for (const id of ["third", "stranger"]) await assertError(await send(world, first, {}, id), "unauthorized_client");
    for (const id of ["off", "nobody"]) await assertError(await send(world, first, {}, id), "invalid_client");
    assert.deepEqual(attempts, []);
  });

  it("a confidential client proves who it is, as at the token endpoint (§4.1)", async () => {
    const { world } = await ready();
    await world.addClient({ ...rp, client_id: "own", firstParty: true });
    await assertError(await send(world, first, {}, "own"), "invalid_client");
    const authorization = `Basic ${btoa(`own:${encodeURIComponent(rp.client_secret ?? "").replaceAll("%20", "+")}`)}`;
    await insufficient(await send(world, first, { authorization }, "own"));
  });

  it("those that a function allows", async () => {
    const { world } = await ready({}, passwordThenCode, { allow: ({ client_id }) => client_id === "pub" });
    await world.addClient(pub);
    await insufficient(await send(world, first, {}, "pub"));
    await assertError(await send(world, first), "unauthorized_client");
  });
});

describe("the session of questions (§5.3.1, §9.6)", () => {
  it("is one client's, ends after a while, and with its answer", async () => {
    const { world } = await ready();
    await world.addClient({ ...app, client_id: "other" });
    const begin = async () =>
      (await insufficient(await send(world, { ...first, username: "alice", password: "open sesame" }))).auth_session ??
      "";
    const one = await begin();
    await assertError(await send(world, { auth_session: one, otp: "123456" }, {}, "other"), "invalid_session");
    for (const auth_session of ["nonsense", `${one}x`])
      await assertError(await send(world, { auth_session }), "invalid_session");
    await codeOf(await send(world, { auth_session: one, otp: "123456" }));
    await assertError(await send(world, { auth_session: one, otp: "123456" }), "invalid_session");
    const two = await begin();
    world.clock.advance(601);
    await assertError(await send(world, { auth_session: two, otp: "123456" }), "invalid_session");
  });

  it("gives one code, although the answer comes twice at once", async () => {
    const { world } = await ready();
    const { auth_session = "" } = await insufficient(
      await send(world, { ...first, username: "alice", password: "open sesame" }),
    );
    const both = await Promise.all([1, 2].map(() => send(world, { auth_session, otp: "123456" })));
    assert.deepEqual(both.map(({ status }) => status).sort(), [200, 400]);
    assert.equal((await world.store.list("code", {})).length, 1);
  });

  it("is over after so many wrong answers (§9.3)", async () => {
    const { world, attempts } = await ready({}, passwordThenCode, { maxAttempts: 3 });
    const { auth_session = "" } = await insufficient(
      await send(world, { ...first, username: "alice", password: "open sesame" }),
    );
    for (const _ of [1, 2]) await insufficient(await send(world, { auth_session, otp: "000000" }));
    await assertError(await send(world, { auth_session, otp: "123456" }), "access_denied");
    await assertError(await send(world, { auth_session, otp: "123456" }), "invalid_session");
    assert.equal(attempts.length, 3);
  });

  it("a refusal ends it", async () => {
    const { world } = await ready();
    const { auth_session = "" } = await insufficient(await send(world, first));
    await assertError(await send(world, { auth_session, password: "wrong" }), "access_denied");
    await assertError(await send(world, { auth_session, password: "open sesame" }), "invalid_session");
  });
});

describe("who signed in", () => {
  const login = (more: Partial<Extract<Verdict, { step: "login" }>>) => (): Verdict => ({
    step: "login",
    subject: "alice",
    ...more,
  });

  it("must be somebody here, and still hold when the code is made", async () => {
    const { world } = await ready({}, login({ subject: "nobody" }));
    await assertError(await send(world, first), "access_denied");
    const overtaken = await ready({}, login({ still: () => false }));
    await assertError(await send(overtaken.world, first), "access_denied");
    assert.deepEqual(await overtaken.world.store.list("grant", {}), []);
  });

  it("must have done so in the way that was asked for, where no other will do (Core §5.5.1.1)", async () => {
    const claims = JSON.stringify({ id_token: { acr: { essential: true, values: ["strong"] } } });
    const weak = await ready({ acrs: ["weak", "strong"] }, login({ acr: "weak" }));
    await assertError(await send(weak.world, { ...first, claims }), "unmet_authentication_requirements");
    const strong = await ready({ acrs: ["weak", "strong"] }, login({ acr: "strong" }));
    await codeOf(await send(strong.world, { ...first, claims }));
  });
});

describe("redirect_to_web (§5.2.2.1.1)", () => {
  it("leads on in a browser with the same request, where that can be: PKCE, and a redirect_uri", async () => {
    const { world } = await ready();
    const sent = { ...first, go: "web", redirect_uri: "https://app.test/cb", state: "s" };
    const { request_uri = "", expires_in } = await refused(await send(world, sent), "redirect_to_web");
    assert.equal(expires_in, 60);
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const response = await browser.get(`/authorize?${new URLSearchParams({ client_id: "app", request_uri })}`);
    const { interaction } = locationOf(response).parameters;
    const back =
      interaction === undefined
        ? response
        : await answer(world, browser, interaction, { step: "consent", decision: "allow" });
    const { page, parameters } = locationOf(back);
    assert.equal(page, "https://app.test/cb");
    assert.equal(parameters.state, "s");
    await tokensOf(await token(world, parameters.code ?? "", {}, { redirect_uri: "https://app.test/cb" }));
  });

  it("without request_uri where the request could not go on there", async () => {
    const { world } = await ready();
    assert.equal((await refused(await send(world, { ...first, go: "web" }), "redirect_to_web")).request_uri, undefined);
    const noPkce = await ready({ pkce: () => false });
    const bare = { response_type: "code", scope: "openid", go: "web", redirect_uri: "https://app.test/cb" };
    assert.equal((await refused(await send(noPkce.world, bare), "redirect_to_web")).request_uri, undefined);
    assert.deepEqual(await noPkce.world.store.list("pushed", {}), []);
  });
});

describe("DPoP (§9.5.1, §9.6.1)", () => {
  let key: DpopKey;
  let other: DpopKey;
  before(async () => {
    [key, other] = await Promise.all([generateDpopKey(), generateDpopKey()]);
  });
  const proof = async (world: World, by: DpopKey, path = "/challenge") => ({
    DPoP: await createDpopProof({
      key: by,
      htm: "POST",
      htu: issuer + path,
      now: world.clock.now,
      access_token: undefined,
    }),
  });

  it("the same key all the way: in each request, and for the tokens", async () => {
    const { world } = await ready({ bindings: [dpop()] });
    const begin = async () => {
      const sent = { ...first, username: "alice", password: "open sesame" };
      return (await insufficient(await send(world, sent, await proof(world, key)))).auth_session ?? "";
    };
    const auth_session = await begin();
    const answered = { auth_session, otp: "123456" };
    await assertError(await send(world, answered), "invalid_session");
    await assertError(await send(world, answered, await proof(world, other)), "invalid_session");
    const code = await codeOf(await send(world, answered, await proof(world, key)));
    await assertError(await token(world, code), "invalid_grant");
    await assertError(await token(world, code, await proof(world, other, "/token")), "invalid_grant");
    const tokens = await tokensOf(await token(world, code, await proof(world, key, "/token")));
    assert.equal(tokens.token_type, "DPoP");
  });
});
