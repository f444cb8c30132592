/**
 * How applications hear that somebody signed out: OpenID Connect Back-Channel Logout 1.0 and Front-Channel Logout 1.0; row LO-06 of
 * the catalogue of attacks, LO-09, policy P11.
 */
import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { before, describe, it } from "node:test";
import { decodeUnverified, decryptJwt, verifyJwt } from "@valetkey/protocol/jose";
import type { Jwk } from "@valetkey/protocol/jwk";
import { insert } from "@valetkey/provider/entries";
import { backchannelLogout, frontchannelLogout } from "@valetkey/provider/logout/channels";
import { framesPage } from "@valetkey/provider/logout/frames-page";
import type { Log, Session } from "@valetkey/provider/op";
import type { ProviderOptions } from "@valetkey/provider/options";
import { pairwiseSubjects } from "@valetkey/provider/pairwise";
import { encryptedIdTokens } from "@valetkey/provider/protected-answers";
import { createProvider } from "@valetkey/provider/provider";
import { openRegistration } from "@valetkey/provider/registration-policy";
import { type Entry, type Store, StoreUnavailable } from "@valetkey/store";
import { memoryStore } from "@valetkey/store/memory";
import { onEachStore } from "./each-store.ts";
import {
  authorizeUrl,
  type Browser,
  codeFor,
  createWorld,
  idToken,
  issuer,
  keys,
  locationOf,
  rp,
  secret,
  signIn,
  start,
  type TestClient,
  type World,
} from "./op.ts";
import { claimsOf, redeem, tokensOf } from "./token-side.ts";

const event = "http://schemas.openid.net/event/backchannel-logout";
const page = { method: "POST" };

/** What an application was sent. */
interface Told {
  readonly url: string;
  readonly init: RequestInit;
  readonly token: string;
  readonly claims: Record<string, unknown>;
}

type Answers = (told: Told, nth: number) => Response | Promise<Response>;

/** Applications that take logout tokens, and a log that can be waited for. */
function applications(answers: Answers = () => new Response(null, { status: 200 })) {
  const told: Told[] = [];
  const logged = new EventEmitter();
  const seen: Record<string, unknown>[] = [];
  const say = (fields: Record<string, unknown>) => {
    seen.push(fields);
    logged.emit("line");
  };
  const log: Log = { debug: say, info: say, warn: say, error: say };
  const fetch: typeof globalThis.fetch = async (input, init = {}) => {
    const token = new URLSearchParams(String(init.body)).get("logout_token") ?? "";
    const one = { url: String(input), init, token, claims: token.split(".").length === 3 ? claimsOf(token) : {} };
    told.push(one);
    logged.emit("line");
    return answers(one, told.length);
  };
  const until = async (is: () => boolean) => {
    while (!is()) await once(logged, "line", { signal: AbortSignal.timeout(5000) });
  };
  return {
    told,
    fetch,
    log,
    events: (name: string) => seen.filter((fields) => fields.event === name),
    /** Waits until so many attempts were made. */
    attempts: (count: number) => until(() => told.length >= count),
    /** Waits until something was logged so many times. */
    logged: (name: string, count = 1) => until(() => seen.filter((fields) => fields.event === name).length >= count),
  };
}

type Applications = ReturnType<typeof applications>;

const back = (client_id: string, more: Partial<TestClient> = {}): TestClient => ({
  ...rp,
  client_id,
  redirect_uris: [`https://${client_id}.test/cb`],
  backchannel_logout_uri: `https://${client_id}.test/logged-out`,
  ...more,
});

/** A server whose clients are told by both channels. */
async function ready(apps: Applications, clients: readonly TestClient[], options: Partial<ProviderOptions> = {}) {
  const logout = [backchannelLogout, frontchannelLogout];
  const world = await createWorld({ logout, fetch: apps.fetch, log: apps.log, ...options });
  for (const client of clients) await world.addClient(client);
  return { world, browser: world.browser() };
}

/** Signs somebody in at a client, down to the tokens. */
async function use(world: World, browser: Browser, client: TestClient, scope = "openid", subject = "alice") {
  const { client_id } = client;
  const changes = { client_id, redirect_uri: (client.redirect_uris as readonly string[] | undefined)?.[0], scope };
  if ((await world.provider.sessions.current(browser.request("/")))?.subject === subject) {
    const response = await browser.get(authorizeUrl(changes));
    const { interaction, code } = locationOf(response).parameters;
    if (interaction === undefined) return tokensOf(await redeem(world, code ?? "", {}, client));
    const answered = await world.provider.interactions.answer(browser.request("/p", page), interaction, {
      step: "consent",
      decision: "allow",
    });
    const done = await browser.get(locationOf(answered).url.href);
    return tokensOf(await redeem(world, locationOf(done).parameters.code ?? "", {}, client));
  }
  return tokensOf(await redeem(world, await codeFor(world, subject, changes, browser), {}, client));
}

const sidOf = async (world: World, browser: Browser) =>
  (await world.provider.sessions.current(browser.request("/")))?.sid ?? "";
const signOut = async (world: World, browser: Browser) => {
  const response = await world.provider.logouts.end(browser.request("/logout", page));
  browser.keep(response);
  return response;
};
const waiting = (world: World) => world.store.list("logout-notice", { limit: 1000 });

describe("the logout token (Back-Channel Logout §2.4, LO-06)", () => {
  it("says what it must, and nothing else", async () => {
    const apps = applications();
    const { world, browser } = await ready(apps, [back("one")]);
    await use(world, browser, back("one"));
    const sid = await sidOf(world, browser);
    await signOut(world, browser);
    await apps.logged("logout-notice.delivered");
    const [{ token, claims, url, init } = {} as Told, ...others] = apps.told;
    assert.deepEqual(others, []);
    assert.equal(url, "https://one.test/logged-out");
    const { jti, ...rest } = claims;
    assert.deepEqual(rest, {
      iss: issuer,
      aud: "one",
      iat: start / 1000,
      exp: start / 1000 + 120,
      sub: "alice",
      sid,
      events: { [event]: {} },
    });
    assert.ok(typeof jti === "string" && jti.length >= 16);
    assert.equal(decodeUnverified(token).header.typ, "logout+jwt");
    const keySet = await keys.published();
    await verifyJwt(token, { keys: keySet, algorithms: ["RS256"], issuer, audience: "one", now: start });
    // §2.5: the form has this parameter, and it is a POST whose answer leads nowhere.
    assert.deepEqual([...new URLSearchParams(String(init.body)).keys()], ["logout_token"]);
    assert.ok(init.body instanceof URLSearchParams, "application/x-www-form-urlencoded");
    assert.equal(init.method, "POST");
    assert.equal(init.redirect, "manual");
    assert.ok(init.signal instanceof AbortSignal, "nobody is waited for without an end");
    assert.deepEqual(await waiting(world), []);
  });

  it("is signed as ID tokens of this client are", async () => {
    const apps = applications();
    const client = back("es", { id_token_signed_response_alg: "ES256" });
    const { world, browser } = await ready(apps, [client]);
    await use(world, browser, client);
    await signOut(world, browser);
    await apps.attempts(1);
    assert.equal(decodeUnverified(apps.told[0]?.token ?? "").header.alg, "ES256");
  });

  describe("for a client whose ID tokens are encrypted", () => {
    let publicJwk: Jwk;
    let privateJwk: Jwk;
    before(async () => {
      const pair = await crypto.subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, true, ["deriveBits"]);
      const jwk = async (half: CryptoKey) => {
        const { key_ops, ext, ...rest } = await crypto.subtle.exportKey("jwk", half);
        return { ...rest, use: "enc", kid: "enc" } as unknown as Jwk;
      };
      publicJwk = await jwk(pair.publicKey);
      privateJwk = await jwk(pair.privateKey);
    });

    it("is encrypted like them, and signed inside", async () => {
      const apps = applications();
      const client = back("enc", { jwks: { keys: [publicJwk] }, id_token_encrypted_response_alg: "ECDH-ES" });
      const { world, browser } = await ready(apps, [client], { answers: [encryptedIdTokens] });
      await use(world, browser, client);
      await signOut(world, browser);
      await apps.attempts(1);
      const token = apps.told[0]?.token ?? "";
      assert.equal(token.split(".").length, 5);
      const { header, claims } = decodeUnverified(await decryptJwt(token, { keys: [privateJwk] }));
      assert.equal(header.typ, "logout+jwt");
      assert.equal(claims.sub, "alice");
    });
  });

  it("knows a person by the sub that the client knows (Core §8)", async () => {
    const apps = applications();
    const client = back("pair", { subject_type: "pairwise" });
    const pairwise = pairwiseSubjects({ salt: "a salt that stays what it is for ever" });
    const { world, browser } = await ready(apps, [client], { pairwise });
    const { id_token } = await use(world, browser, client);
    await signOut(world, browser);
    await apps.attempts(1);
    assert.notEqual(apps.told[0]?.claims.sub, "alice");
    assert.equal(apps.told[0]?.claims.sub, claimsOf(id_token).sub);
    assert.equal(apps.told[0]?.claims.sid, claimsOf(id_token).sid);
  });
});

describe("who is told (Back-Channel Logout §2.7, Front-Channel Logout §3)", () => {
  it("every client the session was used at, once; nobody else", async () => {
    const apps = applications();
    const clients = [back("one"), back("two"), back("three"), { ...rp, client_id: "deaf" }];
    const { world, browser } = await ready(apps, clients);
    await use(world, browser, back("one"));
    await use(world, browser, back("one"));
    await use(world, browser, back("two"));
    await use(world, browser, { ...rp, client_id: "deaf" });
    const elsewhere = world.browser();
    await use(world, elsewhere, back("three"));
    await signOut(world, browser);
    await apps.logged("logout-notice.delivered", 2);
    assert.deepEqual(apps.told.map(({ claims }) => claims.aud).sort(), ["one", "two"]);
    assert.equal((await world.provider.sessions.current(elsewhere.request("/")))?.subject, "alice");
  });

  it("also those that may go on when the person is not there: what they hold stays (P11, LO-09)", async () => {
    const apps = applications();
    const { world, browser } = await ready(apps, [back("one")]);
    const { refresh_token } = await use(world, browser, back("one"), "openid offline_access");
    await signOut(world, browser);
    await apps.logged("logout-notice.delivered");
    assert.notEqual(await world.provider.tokens.read(refresh_token ?? ""), undefined);
  });

  it("by whatever way the session ends: one of the list, all others, a session too many, the person is forgotten", async () => {
    const apps = applications();
    const { world, browser } = await ready(apps, [back("one")]);
    await use(world, browser, back("one"));
    const sid = await sidOf(world, browser);
    assert.equal(await world.provider.sessions.endOne("alice", sid), true);
    await apps.logged("logout-notice.delivered", 1);

    const second = world.browser();
    await use(world, second, back("one"));
    const secondSid = await sidOf(world, second);
    await world.provider.sessions.endAll("alice");
    await apps.logged("logout-notice.delivered", 2);

    const third = world.browser();
    await use(world, third, back("one"));
    const thirdSid = await sidOf(world, third);
    for (const someone of Array.from({ length: 12 }, (_, at) => `guest-${at}`)) {
      world.people.set(someone, { sub: someone, claims: {} });
      await signIn(world, third, someone);
    }
    await apps.logged("logout-notice.delivered", 3);

    const fourth = world.browser();
    await use(world, fourth, back("one"));
    const fourthSid = await sidOf(world, fourth);
    await world.provider.grants.forget("alice");
    await apps.logged("logout-notice.delivered", 4);
    assert.deepEqual(
      apps.told.map(({ claims }) => claims.sid),
      [sid, secondSid, thirdSid, fourthSid],
    );
  });

  it("not about the session that is kept when all others end", async () => {
    const apps = applications();
    const { world, browser } = await ready(apps, [back("one")]);
    await use(world, browser, back("one"));
    const other = world.browser();
    await use(world, other, back("one"));
    await world.provider.sessions.endAll("alice", { exceptSid: await sidOf(world, browser) });
    await apps.logged("logout-notice.delivered");
    assert.equal(apps.told.length, 1);
    assert.notEqual(apps.told[0]?.claims.sid, await sidOf(world, browser));
  });

  it("not when somebody signs in again as the same person: it is the same session", async () => {
    const apps = applications();
    const { world, browser } = await ready(apps, [back("one")]);
    await use(world, browser, back("one"));
    await signIn(world, browser, "alice");
    assert.deepEqual(await waiting(world), []);
    assert.deepEqual(apps.told, []);
  });

  it("a client that got its tokens while the session was ending", async () => {
    const apps = applications();
    const inner = memoryStore({ now: () => start });
    let late: (() => Promise<unknown>) | undefined;
    const store: Store = {
      ...inner,
      async commit(changes) {
        const ends = changes.some((change) => change.do === "remove" && change.entry.kind === "session");
        const then = ends ? late : undefined;
        if (then !== undefined) late = undefined;
        await then?.();
        return inner.commit(changes);
      },
    };
    const { world, browser } = await ready(apps, [back("one"), back("late")], { store });
    await use(world, browser, back("one"));
    const sid = await sidOf(world, browser);
    const [grant] = await inner.list("grant", {});
    late = () =>
      inner.commit([{ do: "insert", entry: { ...(grant as Entry), id: "late-grant", client: "late", version: 1 } }]);
    await signOut(world, browser);
    await apps.logged("logout-notice.delivered", 2);
    assert.deepEqual(apps.told.map(({ claims }) => [claims.aud, claims.sid]).sort(), [
      ["late", sid],
      ["one", sid],
    ]);
    assert.deepEqual(await inner.list("grant", {}), []);
  });

  it("where the application brings its own session, when that ends", async () => {
    const apps = applications();
    const session: Session = { subject: "alice", auth_time: start / 1000, sid: "host", expiresAt: start + 3_600_000 };
    const { world, browser } = await ready(apps, [back("one")], { session: () => session });
    const client = back("one");
    await use(world, browser, client);
    await world.provider.logouts.end(browser.request("/logout", page));
    await apps.logged("logout-notice.delivered");
    assert.equal(apps.told[0]?.claims.sid, "host");
    assert.deepEqual(await world.store.list("grant", {}), []);
  });

  it("nobody, where the channel is not in the list: nothing is queued, announced or accepted", async () => {
    const apps = applications();
    const { world, browser } = await ready(apps, [back("one")], { logout: [], registration: openRegistration() });
    await use(world, browser, back("one"));
    await signOut(world, browser);
    assert.deepEqual(await waiting(world), []);
    assert.equal(world.provider.metadata.backchannel_logout_supported, undefined);
    assert.equal(world.provider.metadata.frontchannel_logout_supported, undefined);
    const { client } = await world.provider.clients.add(back("two"), { provenance: "dynamic" });
    assert.equal(client.metadata.backchannel_logout_uri, undefined);
  });
});

describe("a client that does not answer well (Back-Channel Logout §2.8, LO-06)", () => {
  it("keeps nobody waiting: the person is signed out before it answers", async () => {
    const held = Promise.withResolvers<Response>();
    const apps = applications(() => held.promise);
    const { world, browser } = await ready(apps, [back("slow")]);
    await use(world, browser, back("slow"));
    const hint = await idToken({ sub: "alice", sid: await sidOf(world, browser) });
    const url = `/end-session?${new URLSearchParams({ id_token_hint: hint, post_logout_redirect_uri: "https://rp.test/bye" })}`;
    assert.equal(locationOf(await browser.get(url)).url.href, "https://rp.test/bye");
    assert.equal(await world.provider.sessions.current(browser.request("/")), undefined);
    await apps.attempts(1);
    assert.equal((await waiting(world)).length, 1, "not delivered yet");
    held.resolve(new Response(null, { status: 200 }));
    await apps.logged("logout-notice.delivered");
  });

  const troubles: readonly (readonly [string, () => Response])[] = [
    ["500", () => new Response("down", { status: 500 })],
    ["404", () => new Response("nothing here", { status: 404 })],
    ["a redirect", () => new Response(null, { status: 302, headers: { location: "https://elsewhere.test/" } })],
    ["400 because its own store is down", () => Response.json({ error: "server_error" }, { status: 400 })],
    [
      "no answer at all",
      () => {
        throw new TypeError("fetch failed");
      },
    ],
  ];
  for (const [title, trouble] of troubles) {
    it(`is tried again, with a token of its own each time: ${title}`, async () => {
      const apps = applications((_, nth) => (nth <= 2 ? trouble() : new Response(null, { status: 204 })));
      const { world, browser } = await ready(apps, [back("one")]);
      await use(world, browser, back("one"));
      await signOut(world, browser);
      await apps.logged("logout-notice.failed", 1);
      assert.equal(await world.provider.logouts.deliver(), 0, "not at once");
      world.clock.advance(15);
      assert.equal(await world.provider.logouts.deliver(), 0);
      world.clock.advance(59);
      assert.equal(await world.provider.logouts.deliver(), 0, "later and later");
      assert.equal(apps.told.length, 2);
      world.clock.advance(1);
      assert.equal(await world.provider.logouts.deliver(), 1);
      assert.deepEqual(await waiting(world), []);
      assert.deepEqual(
        apps.told.map(({ url }) => url),
        Array(3).fill("https://one.test/logged-out"),
      );
      assert.equal(new Set(apps.told.map(({ claims }) => claims.jti)).size, 3);
      assert.equal(apps.told[2]?.claims.iat, start / 1000 + 75);
    });
  }

  it("is not tried again after it refused the token with 400, and that is reported", async () => {
    for (const body of [null, "no JSON", JSON.stringify({ error: "invalid_request", error_description: "x" })]) {
      const apps = applications(() => new Response(body, { status: 400 }));
      const { world, browser } = await ready(apps, [back("one")]);
      await use(world, browser, back("one"));
      await signOut(world, browser);
      await apps.logged("logout-notice.refused");
      world.clock.advance(60);
      assert.equal(await world.provider.logouts.deliver(), 0);
      assert.equal(apps.told.length, 1);
      assert.equal(apps.events("logout-notice.refused")[0]?.client_id, "one");
    }
  });

  it("is given up after a day, and that is reported", async () => {
    const apps = applications(() => new Response(null, { status: 500 }));
    const { world, browser } = await ready(apps, [back("one")]);
    await use(world, browser, back("one"));
    await signOut(world, browser);
    await apps.logged("logout-notice.failed");
    for (let minute = 0; minute < 26 * 60; minute += 10) {
      world.clock.advance(600);
      await world.provider.logouts.deliver();
    }
    assert.deepEqual(await waiting(world), []);
    assert.equal(apps.events("logout-notice.given-up").length, 1);
    assert.ok(apps.told.length >= 30 && apps.told.length <= 60, `${apps.told.length} attempts`);
  });

  it("does not keep others from being told, however many there are", async () => {
    const apps = applications(({ url }) => new Response(null, { status: url.includes("bad") ? 500 : 200 }));
    const { world } = await ready(apps, [back("good"), back("bad")]);
    const now = world.clock.now;
    const notices = Array.from({ length: 250 }, (_, at) =>
      insert("logout-notice", {
        id: `notice-${String(at).padStart(4, "0")}`,
        client: at === 249 ? "good" : "bad",
        subject: "alice",
        expiresAt: now + 86_400_000,
        data: { sid: "s", attempts: 0, nextAt: now },
      }),
    );
    await world.store.commit(notices);
    assert.equal(await world.provider.logouts.deliver(), 1);
    assert.equal((await waiting(world)).length, 249);
  });

  it("and was removed meanwhile is forgotten", async () => {
    const apps = applications(() => new Response(null, { status: 500 }));
    const { world, browser } = await ready(apps, [back("one")]);
    await use(world, browser, back("one"));
    await signOut(world, browser);
    await apps.logged("logout-notice.failed");
    await world.provider.clients.remove("one");
    world.clock.advance(60);
    assert.equal(await world.provider.logouts.deliver(), 0);
    assert.deepEqual(await waiting(world), []);
    assert.equal(apps.told.length, 1);
  });
});

onEachStore("a notice of a logout", (open) => {
  /** Two processes over one store. */
  async function nodes(apps: Applications, store: Store, ahead = 0) {
    const options = { store, logout: [backchannelLogout], now: Date.now, fetch: apps.fetch, log: apps.log };
    const { world, browser } = await ready(apps, [back("one")], options);
    const accounts = { find: (sub: string) => world.people.get(sub) };
    const other = createProvider({ ...options, issuer, keys, secret, accounts, now: () => Date.now() + ahead });
    return { world, browser, other };
  }

  it("is sent once, although two nodes look for it at the same time", async () => {
    const held = Promise.withResolvers<Response>();
    const apps = applications((_, nth) => (nth === 1 ? new Response(null, { status: 503 }) : held.promise));
    const { world, browser, other } = await nodes(apps, await open(), 20_000);
    await use(world, browser, back("one"));
    await signOut(world, browser);
    await apps.logged("logout-notice.failed");
    const third = createProvider({
      issuer,
      keys,
      secret,
      accounts: { find: () => undefined },
      store: world.store,
      logout: [backchannelLogout],
      now: () => Date.now() + 20_000,
      fetch: apps.fetch,
      log: apps.log,
    });
    const both = Promise.all([other.logouts.deliver(), third.logouts.deliver(), other.logouts.deliver()]);
    await apps.attempts(2);
    held.resolve(new Response(null, { status: 200 }));
    assert.equal(
      (await both).reduce((sum, one) => sum + one),
      1,
    );
    assert.equal(apps.told.length, 2);
    assert.deepEqual(await waiting(world), []);
  });

  it("outlives the process that was killed while it sent it: another one sends it", async () => {
    const never = new Promise<Response>(() => {});
    const apps = applications((_, nth) => (nth === 1 ? never : new Response(null, { status: 200 })));
    const { world, browser, other } = await nodes(apps, await open(), 20_000);
    await use(world, browser, back("one"));
    const sid = await sidOf(world, browser);
    await signOut(world, browser);
    await apps.attempts(1);
    assert.equal(await other.logouts.deliver(), 1);
    assert.equal(apps.told[1]?.claims.sid, sid);
    assert.deepEqual(await waiting(world), []);
  });

  it("is there before the session is gone: killed in between, an application hears too much and never too little", async () => {
    const inner = await open();
    let broken = true;
    const store: Store = {
      get: (kind, id) => inner.get(kind, id),
      list: (kind, filter) => inner.list(kind, filter),
      sweep: () => inner.sweep(),
      async commit(changes) {
        if (broken && changes.some((change) => change.do === "remove" && change.entry.kind === "grant"))
          throw new StoreUnavailable("killed");
        return inner.commit(changes);
      },
    };
    const apps = applications();
    const { world, browser, other } = await nodes(apps, store);
    await use(world, browser, back("one"));
    await assert.rejects(signOut(world, browser), StoreUnavailable);
    assert.notEqual(await world.provider.sessions.current(browser.request("/")), undefined, "it can be tried again");
    assert.equal(await other.logouts.deliver(), 1);
    broken = false;
    await signOut(world, browser);
    assert.equal(await world.provider.sessions.current(browser.request("/")), undefined);
    await apps.logged("logout-notice.delivered", 2);
  });
});

const front = (client_id: string, more: Partial<TestClient> = {}): TestClient => ({
  ...rp,
  client_id,
  redirect_uris: [`https://${client_id}.test/cb`],
  frontchannel_logout_uri: `https://${client_id}.test/gone?from=op`,
  ...more,
});

describe("frames that tell applications through the browser (Front-Channel Logout §2, §3)", () => {
  /** The logout the browser was sent to the page with. */
  async function shown(world: World, browser: Browser, response: Response) {
    const { page: at, parameters } = locationOf(response);
    assert.equal(at, `${issuer}/logout`);
    return world.provider.logouts.find(browser.request("/logout"), parameters.logout ?? "");
  }

  it("are given for each client of the session, with iss and sid beside what the URI had", async () => {
    const apps = applications();
    const clients = [front("one"), front("two", { frontchannel_logout_uri: "https://two.test/gone" }), front("three")];
    const { world, browser } = await ready(apps, clients);
    await use(world, browser, front("one"));
    await use(world, browser, front("one"));
    await use(world, browser, front("two"));
    await use(world, world.browser(), front("three"));
    const sid = await sidOf(world, browser);
    const logout = await shown(world, browser, await signOut(world, browser));
    const said = new URLSearchParams({ iss: issuer, sid });
    assert.deepEqual([...(logout?.frames ?? [])].sort(), [
      `https://one.test/gone?from=op&${said}`,
      `https://two.test/gone?${said}`,
    ]);
    assert.equal(logout?.returnTo, undefined);
    assert.equal(logout?.subject, undefined, "the person is signed out by then");
  });

  it("say nothing of the session to a client that registered that it does not want that", async () => {
    const client = front("one", { frontchannel_logout_session_required: false });
    const { world, browser } = await ready(applications(), [client]);
    await use(world, browser, client);
    const logout = await shown(world, browser, await signOut(world, browser));
    assert.deepEqual(logout?.frames, ["https://one.test/gone?from=op"]);
  });

  for (const way of ["hint", "confirmed"] as const) {
    it(`come before the way back to the application that asked: ${way}`, async () => {
      const { world, browser } = await ready(applications(), [front("one")]);
      await use(world, browser, front("one"));
      const sid = await sidOf(world, browser);
      const named = way === "hint" ? { id_token_hint: await idToken({ sub: "alice", sid }) } : { client_id: "rp" };
      const to = { post_logout_redirect_uri: "https://rp.test/bye", state: "s" };
      let response = await browser.get(`/end-session?${new URLSearchParams({ ...named, ...to })}`);
      if (way === "confirmed") {
        const asked = await shown(world, browser, response);
        assert.equal(asked?.frames, undefined, "nobody is signed out yet");
        response = await world.provider.logouts.answer(browser.request("/logout", page), asked?.id ?? "", {
          confirm: true,
        });
        browser.keep(response);
      }
      const logout = await shown(world, browser, response);
      assert.equal(logout?.frames?.length, 1);
      assert.equal(logout?.returnTo, "https://rp.test/bye?state=s");
      assert.equal(await world.provider.sessions.current(browser.request("/")), undefined);
    });
  }

  it("are not given to whoever stays signed in, nor without clients that have any", async () => {
    const { world, browser } = await ready(applications(), [front("one"), back("two")]);
    await use(world, browser, front("one"));
    const asked = await browser.get("/end-session");
    const id = locationOf(asked).parameters.logout ?? "";
    const stays = await world.provider.logouts.answer(browser.request("/logout", page), id, { confirm: false });
    assert.equal(locationOf(stays).url.href, `${issuer}/logout?done=0`);
    const other = world.browser();
    await use(world, other, back("two"));
    assert.equal(locationOf(await signOut(world, other)).url.href, `${issuer}/logout?done=1`);
  });

  it("belong to the browser that signed out", async () => {
    const { world, browser } = await ready(applications(), [front("one")]);
    await use(world, browser, front("one"));
    const id = locationOf(await signOut(world, browser)).parameters.logout ?? "";
    assert.equal(await world.provider.logouts.find(world.browser().request("/logout"), id), undefined);
  });

  it("end no session that began since: who signs in again stays signed in", async () => {
    const { world, browser } = await ready(applications(), [front("one")]);
    await use(world, browser, front("one"));
    const id = locationOf(await signOut(world, browser)).parameters.logout ?? "";
    await signIn(world, browser, "bob");
    const answered = await world.provider.logouts.answer(browser.request("/logout", page), id, { confirm: true });
    assert.equal(locationOf(answered).url.href, `${issuer}/logout?done=1`);
    assert.equal((await world.provider.sessions.current(browser.request("/")))?.subject, "bob");
    assert.equal(await world.provider.logouts.find(browser.request("/logout"), id), undefined);
  });

  it("go with both channels to a client that has both", async () => {
    const apps = applications();
    const both = front("both", { backchannel_logout_uri: "https://both.test/logged-out" });
    const { world, browser } = await ready(apps, [both]);
    await use(world, browser, both);
    const logout = await shown(world, browser, await signOut(world, browser));
    assert.equal(logout?.frames?.length, 1);
    await apps.logged("logout-notice.delivered");
  });

  it("cannot be begun by another site", async () => {
    const { world, browser } = await ready(applications(), [front("one")]);
    await use(world, browser, front("one"));
    const foreign = browser.request("/logout", { ...page, headers: { "sec-fetch-site": "cross-site" } });
    await assert.rejects(world.provider.logouts.end(foreign), { error: "invalid_request" });
    assert.notEqual(await world.provider.sessions.current(browser.request("/")), undefined);
  });

  it("are shown by the page for servers without one of their own, which goes on by itself", async () => {
    const frames = ["https://one.test/gone?a=1&b=2", "https://one.test/other", "http://localhost:3000/gone"];
    const response = framesPage({ id: "x", frames, returnTo: 'https://rp.test/bye?state="><b>' }, { done: "/bye" });
    const html = await response.text();
    assert.match(
      response.headers.get("content-security-policy") ?? "",
      /^default-src 'none'; frame-src https:\/\/one\.test http:\/\/localhost:3000; base-uri 'none'; frame-ancestors 'none'$/,
    );
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.equal(response.headers.get("referrer-policy"), "no-referrer");
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    assert.equal(response.headers.get("x-frame-options"), "DENY");
    assert.match(html, /Signing you out of 3 apps/);
    assert.match(
      html,
      /<iframe hidden title="[^"]+" sandbox="allow-scripts allow-same-origin" src="https:\/\/one\.test\/gone\?a=1&amp;b=2">/,
    );
    assert.match(html, /http-equiv="refresh" content="2; url=https:\/\/rp\.test\/bye\?state=&quot;&gt;&lt;b&gt;"/);
    assert.ok(!html.includes("<b>"));
    assert.match(await framesPage({ id: "x", frames: [] }, { done: "/bye" }).text(), /url=\/bye"/);
  });
});

describe("what may be registered (Back-Channel Logout §2.2, Front-Channel Logout §2)", () => {
  const uris = ["backchannel_logout_uri", "frontchannel_logout_uri"] as const;
  const refused: readonly (readonly [string, unknown])[] = [
    ["http", "http://one.test/logout"],
    ["a fragment", "https://one.test/logout#x"],
    ["no URL", "one.test/logout"],
    ["a script", "javascript:alert(1)"],
    ["a password in it", "https://user:pass@one.test/"],
    ["a host that would say more where frames are listed", "https://one.test;sandbox/"],
    ["no text", 7],
  ];
  for (const name of uris) {
    for (const [title, uri] of refused) {
      it(`${name} is refused: ${title}`, async () => {
        const { world } = await ready(applications(), []);
        const adding = world.provider.clients.add({ ...rp, client_id: "new", [name]: uri }, { provenance: "admin" });
        await assert.rejects(adding, { error: "invalid_client_metadata" });
      });
    }
  }

  it("both are announced, with sessions (§2.1; Front-Channel Logout §3)", async () => {
    const { world } = await ready(applications(), []);
    const { metadata } = world.provider;
    assert.equal(metadata.backchannel_logout_supported, true);
    assert.equal(metadata.backchannel_logout_session_supported, true);
    assert.equal(metadata.frontchannel_logout_supported, true);
    assert.equal(metadata.frontchannel_logout_session_supported, true);
  });

  it("a stranger cannot make the server call programs on its own machine (LO-06)", async () => {
    const { world } = await ready(applications(), [], { registration: openRegistration() });
    const body = (uri: string) =>
      JSON.stringify({ redirect_uris: ["https://one.test/cb"], backchannel_logout_uri: uri });
    const register = (uri: string) =>
      world.send("/register", { method: "POST", headers: { "content-type": "application/json" }, body: body(uri) });
    for (const uri of ["http://127.0.0.1:6379/", "http://localhost/", "https://localhost/", "https://[::1]:8443/"]) {
      const answer = await register(uri);
      assert.equal(answer.status, 400, uri);
      assert.equal(((await answer.json()) as { error: string }).error, "invalid_client_metadata");
    }
    assert.equal((await register("https://one.test/logged-out")).status, 201);
    const own = { ...rp, client_id: "own", backchannel_logout_uri: "http://127.0.0.1:3000/logged-out" };
    await world.provider.clients.add(own, { provenance: "admin" });
  });
});

describe("a front channel without a page", () => {
  it("still ends the session: sessions.end tells by the back channel", async () => {
    const apps = applications();
    const { world, browser } = await ready(apps, [back("one")]);
    await use(world, browser, back("one"));
    browser.keep(await world.provider.sessions.end(browser.request("/logout", page)));
    await apps.logged("logout-notice.delivered");
    assert.equal(await world.provider.sessions.current(browser.request("/")), undefined);
  });
});
