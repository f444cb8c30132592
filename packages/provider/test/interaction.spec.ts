import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { deriveHandle } from "@valetkey/protocol/random";
import type { Session } from "@valetkey/provider/op";
import {
  answer,
  authorizeUrl,
  begin,
  codeFor,
  createWorld,
  dataOf,
  errorPageOf,
  issuer,
  locationOf,
  rp,
  signIn,
  start,
  type World,
} from "./op.ts";

const pageOf = (response: Response) => locationOf(response).page;
const codeOf = (response: Response) => locationOf(response).parameters.code;
const errorOf = (response: Response) => locationOf(response).parameters.error;
const post = { method: "POST" };

/** The scopes of the grant behind the code in this answer. */
async function grantedScope(world: World, response: Response): Promise<string[]> {
  const code = await world.store.get("code", codeOf(response)?.slice("vk_code_".length, "vk_code_".length + 26) ?? "");
  const grant = await world.store.get("grant", dataOf<{ grant: string }>(code).grant);
  return dataOf<{ scope: string[] }>(grant).scope;
}

describe("the way through an authorization request", () => {
  it("leads from login over consent to the code, and the interaction is gone with its cookie", async () => {
    const world = await createWorld();
    const browser = world.browser();
    const first = await browser.get(
      authorizeUrl({ scope: "openid email", login_hint: "alice@people.test", ui_locales: "de" }),
    );
    assert.equal(pageOf(first), `${issuer}/login`);
    const id = locationOf(first).parameters.interaction ?? "";
    const { interactions } = world.provider;
    assert.deepEqual(await interactions.find(browser.request("/login"), id), {
      id,
      step: "login",
      client: { client_id: "rp", client_name: "Photo Printer", provenance: "admin" },
      destination: { host: "rp.test", loopback: false },
      scopes: [
        { scope: "openid", words: "Confirm who you are", granted: false },
        { scope: "email", words: "See your e-mail address", granted: false },
      ],
      resource: [],
      claims: [],
      details: [],
      acr: [],
      login_hint: "alice@people.test",
      ui_locales: "de",
      sessions: [],
      again: false,
      createdAt: start,
    });
    const second = await answer(world, browser, id, { step: "login", subject: "alice", amr: ["pwd"], acr: "1" });
    assert.equal(pageOf(second), `${issuer}/consent`);
    const shown = await interactions.find(browser.request("/consent"), id);
    assert.equal(shown?.step, "consent");
    assert.equal(shown?.subject, "alice");
    const third = await answer(world, browser, id, { step: "consent", decision: "allow" });
    assert.ok(codeOf(third));
    assert.deepEqual([...browser.cookies.keys()], ["__Host-vk_session"]);
    assert.deepEqual(await world.store.list("interaction", {}), []);
    const [grant] = await world.store.list("grant", {});
    const { amr, acr } = dataOf<{ amr: string[]; acr: string }>(grant);
    assert.deepEqual([amr, acr], [["pwd"], "1"]);
  });

  it("answers at once when nothing is left to ask, and stores no interaction for it", async () => {
    const world = await createWorld();
    const browser = world.browser();
    await codeFor(world, "alice", {}, browser);
    assert.ok(codeOf(await browser.get(authorizeUrl())));
    assert.deepEqual(await world.store.list("interaction", {}), []);
  });

  it("says that nothing is left to ask of somebody who signed in in another tab meanwhile", async () => {
    const world = await createWorld();
    const browser = world.browser();
    await codeFor(world, "alice", {}, browser);
    browser.cookies.delete("__Host-vk_session");
    const id = await begin(browser);
    const stepOf = async () => (await world.provider.interactions.find(browser.request("/"), id))?.step;
    assert.equal(await stepOf(), "login");
    await signIn(world, browser, "alice");
    assert.equal(await stepOf(), "answer");
    assert.ok(codeOf(await browser.get(`${issuer}/authorize?interaction=${id}`)));
  });

  it("shows where the answer goes: a host, an app on this computer, or a scheme (RFC 8252 §8.6)", async () => {
    const destinationOf = async (redirect_uri: string) => {
      const world = await createWorld();
      await world.addClient({ ...rp, client_id: "native", redirect_uris: [redirect_uri] });
      const browser = world.browser();
      const id = await begin(browser, { client_id: "native", redirect_uri });
      return (await world.provider.interactions.find(browser.request("/"), id))?.destination;
    };
    assert.deepEqual(await destinationOf("https://rp.test:8443/cb"), { host: "rp.test:8443", loopback: false });
    assert.deepEqual(await destinationOf("http://127.0.0.1:4711/cb"), { host: "127.0.0.1:4711", loopback: true });
    const app = { host: "com.example.app", loopback: false, scheme: "com.example.app" };
    assert.deepEqual(await destinationOf("com.example.app:/cb"), app);
  });

  it("treats somebody whose account is gone as not signed in", async () => {
    const world = await createWorld();
    const browser = world.browser();
    await codeFor(world, "alice", {}, browser);
    world.people.delete("alice");
    assert.equal(pageOf(await browser.get(authorizeUrl())), `${issuer}/login`);
  });

  it("survives a page that is left open: the answer to a question that is no longer asked changes nothing", async () => {
    const world = await createWorld();
    const browser = world.browser();
    const id = await begin(browser);
    await signIn(world, browser, "alice");
    // Consent before anybody was asked for it.
    const response = await answer(world, browser, id, { step: "consent", decision: "allow" });
    assert.equal(pageOf(response), `${issuer}/consent`);
  });
});

describe("the interaction's cookie (RFC 9700 §4.7, RFC 6265bis §4.1.3)", () => {
  it("is host-bound, Secure, HttpOnly and Lax under https, and holds no more than the handle", async () => {
    const world = await createWorld();
    const response = await world.send(authorizeUrl());
    const id = locationOf(response).parameters.interaction;
    const [cookie = "", ...others] = response.headers.getSetCookie();
    assert.deepEqual(others, []);
    assert.match(cookie, new RegExp(`^__Host-vk_interaction_${id}=vk_interaction_${id}[\\w-]+; `));
    assert.deepEqual(cookie.split("; ").slice(1).sort(), [
      "HttpOnly",
      "Max-Age=1800",
      "Path=/",
      "SameSite=Lax",
      "Secure",
    ]);
  });

  it("has no prefix on a loopback issuer, where Secure cookies may not come back", async () => {
    const world = await createWorld({ issuer: "http://127.0.0.1:8080" });
    const response = await world.send(`http://127.0.0.1:8080${authorizeUrl().slice(issuer.length)}`);
    assert.match(
      response.headers.getSetCookie()[0] ?? "",
      /^vk_interaction_[^;]+; Path=\/; SameSite=Lax; Max-Age=1800; HttpOnly$/,
    );
  });

  it("is needed: another browser finds nothing, answers nothing, and is shown a page", async () => {
    const world = await createWorld();
    const victim = world.browser();
    await signIn(world, victim, "alice");
    const attacker = world.browser();
    const id = await begin(attacker);
    assert.equal(await world.provider.interactions.find(victim.request("/login"), id), undefined);
    await assert.rejects(answer(world, victim, id, { step: "login", subject: "alice" }), { error: "invalid_request" });
    assert.match(await errorPageOf(await victim.get(`/authorize?interaction=${id}`)), /already answered/);
    // Nor does the right name with another handle help.
    const own = await begin(victim);
    const name = (one: string) => `__Host-vk_interaction_${one}`;
    victim.cookies.set(name(id), victim.cookies.get(name(own)) ?? assert.fail());
    assert.equal(await world.provider.interactions.find(victim.request("/login"), id), undefined);
    const { handle } = await deriveHandle("interaction", id, "a guess", "at the secret");
    victim.cookies.set(name(id), { value: handle, attributes: "", until: undefined });
    assert.equal(await world.provider.interactions.find(victim.request("/login"), id), undefined);
    await errorPageOf(await victim.get(`/authorize?interaction=${id}`));
  });

  it("shows a page for an interaction that never was or has expired, and never redirects", async () => {
    const world = await createWorld();
    const browser = world.browser();
    for (const id of ["x", "", "..", "a".repeat(5000), "%00", "00000000000000000000000000"]) {
      await errorPageOf(await browser.get(`/authorize?interaction=${id}`));
    }
    const id = await begin(browser);
    const { value = "" } = browser.cookies.get(`__Host-vk_interaction_${id}`) ?? {};
    world.clock.advance(1800);
    browser.cookies.set(`__Host-vk_interaction_${id}`, { value, attributes: "", until: undefined });
    await errorPageOf(await browser.get(`/authorize?interaction=${id}`));
  });

  it("is kept for the ten newest interactions of a browser", async () => {
    const world = await createWorld();
    const browser = world.browser();
    const ids: string[] = [];
    for (let count = 0; count < 13; count++) {
      ids.push(await begin(browser));
      world.clock.advance(1);
    }
    const held = [...browser.cookies.keys()].map((name) => name.slice("__Host-vk_interaction_".length));
    assert.deepEqual(held.sort(), ids.slice(3).sort());
  });
});

describe("answers of pages", () => {
  const allow = { step: "consent", decision: "allow" } as const;

  it("are refused from another site (RFC 6749 §10.12)", async () => {
    const world = await createWorld();
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const id = await begin(browser);
    for (const headers of [
      { "sec-fetch-site": "cross-site" },
      { origin: "https://evil.test" },
      { origin: "https://id.test.evil.test" },
      { origin: "http://id.test" },
    ]) {
      const request = browser.request("/consent", { ...post, headers });
      await assert.rejects(world.provider.interactions.answer(request, id, allow), { error: "invalid_request" });
    }
    for (const headers of [{ origin: issuer, "sec-fetch-site": "same-origin" }, { origin: "null" }]) {
      const request = browser.request("/consent", { ...post, headers });
      assert.equal((await world.provider.interactions.answer(request, id, allow)).status, 303);
    }
  });

  it("may come by a GET another site began if they say who signed in: the way back from an upstream provider", async () => {
    const world = await createWorld();
    const browser = world.browser();
    const id = await begin(browser);
    const request = browser.request("/login/callback", { headers: { "sec-fetch-site": "cross-site" } });
    const response = await world.provider.interactions.answer(request, id, { step: "login", subject: "alice" });
    assert.equal(response.status, 303);
    await assert.rejects(world.provider.interactions.answer(request, id, allow), { error: "invalid_request" });
  });

  it("may be sent twice: the second is told that it was answered already, and there is one code", async () => {
    const world = await createWorld();
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const id = await begin(browser);
    const request = browser.request("/consent", post);
    const [one, two] = await Promise.all([1, 2].map(() => world.provider.interactions.answer(request, id, allow)));
    assert.deepEqual([one?.status, two?.status], [303, 303]);
    const back = browser.request(locationOf(one ?? assert.fail()).url.href);
    assert.ok(codeOf((await world.provider.handle(back)) ?? assert.fail()));
    await assert.rejects(world.provider.interactions.answer(request, id, allow), /already answered/);
    assert.match(await errorPageOf((await world.provider.handle(back)) ?? assert.fail()), /already answered/);
    assert.equal((await world.store.list("code", {})).length, 1);
  });

  it("deny is final: an earlier consent form sent afterwards gives no code (CD-15)", async () => {
    const world = await createWorld();
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const id = await begin(browser);
    const form = browser.request("/consent", post);
    const denied = await world.provider.interactions.answer(form, id, { step: "consent", decision: "deny" });
    await assert.rejects(world.provider.interactions.answer(form, id, allow), /already answered/);
    await assert.rejects(
      world.provider.interactions.answer(form, id, { step: "login", subject: "alice" }),
      /already answered/,
    );
    assert.equal(await world.provider.interactions.find(form, id), undefined, "nothing to show any more");
    // Pressing deny twice is harmless.
    await world.provider.interactions.answer(form, id, { step: "consent", decision: "deny" });
    const response = await browser.get(locationOf(denied).url.href);
    assert.equal(errorOf(response), "access_denied");
    assert.equal(locationOf(response).parameters.state, "the state");
    await assert.rejects(world.provider.interactions.answer(form, id, allow), /already answered/);
    await errorPageOf(await browser.get(`/authorize?interaction=${id}`));
    for (const kind of ["code", "consent", "interaction"]) assert.deepEqual(await world.store.list(kind, {}), [], kind);
  });

  it("cancel goes back to the client with access_denied, from any page", async () => {
    const world = await createWorld();
    const browser = world.browser();
    const response = await answer(world, browser, await begin(browser), { cancel: true });
    assert.equal(errorOf(response), "access_denied");
  });

  it("lose nothing to others at the same time: two logins in one interaction end with one session", async () => {
    const world = await createWorld();
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const id = await begin(browser, { prompt: "login" });
    const request = browser.request("/login", post);
    const login = { step: "login", subject: "alice" } as const;
    const both = await Promise.all([1, 2].map(() => world.provider.interactions.answer(request, id, login)));
    assert.deepEqual(
      both.map(({ status }) => status),
      [303, 303],
    );
  });
});

describe("consent (OpenID Connect Core §3.1.2.4)", () => {
  const allow = (...scopes: string[]) => ({ step: "consent", decision: "allow", scopes }) as const;

  it("counts only once its page was asked for: a form sent while another question is open is not it", async () => {
    const world = await createWorld();
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const id = await begin(browser, { prompt: "login" });
    assert.equal(pageOf(await answer(world, browser, id, allow("openid"))), `${issuer}/login`);
    assert.equal(pageOf(await answer(world, browser, id, { step: "login", subject: "alice" })), `${issuer}/consent`);
  });

  it("is for a person: what was shown to alice does not count for bob, who signed in meanwhile", async () => {
    const world = await createWorld();
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const id = await begin(browser);
    await signIn(world, browser, "bob");
    const response = await answer(world, browser, id, { step: "consent", decision: "allow" });
    assert.equal(pageOf(response), `${issuer}/consent`);
    assert.deepEqual(await world.store.list("code", {}), []);
    assert.ok(codeOf(await answer(world, browser, id, { step: "consent", decision: "allow" })));
    assert.deepEqual(
      (await world.store.list("consent", {})).map(({ subject }) => subject),
      ["bob"],
    );
  });

  it("does not count either if the other person signs in after it was given", async () => {
    const world = await createWorld();
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const id = await begin(browser);
    const given = await world.provider.interactions.answer(browser.request("/", post), id, {
      step: "consent",
      decision: "allow",
    });
    await signIn(world, browser, "bob");
    assert.equal(pageOf(await browser.get(locationOf(given).url.href)), `${issuer}/consent`);
  });

  it("grants and remembers only what was left ticked; openid cannot be unticked, and nothing else can be slipped in", async () => {
    const world = await createWorld();
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const id = await begin(browser, { scope: "openid profile email" });
    const answered = await answer(world, browser, id, allow("email", "offline_access", "admin"));
    assert.deepEqual(await grantedScope(world, answered), ["openid", "email"]);
    assert.ok(codeOf(await browser.get(authorizeUrl({ scope: "openid email" }))), "remembered");
    assert.equal(pageOf(await browser.get(authorizeUrl({ scope: "openid profile" }))), `${issuer}/consent`);
  });

  it("is asked anew for what is added, with what was allowed before marked (CN-02)", async () => {
    const world = await createWorld();
    const browser = world.browser();
    await codeFor(world, "alice", { scope: "openid email" }, browser);
    const id = await begin(browser, { scope: "openid email profile" });
    const { scopes = [] } = (await world.provider.interactions.find(browser.request("/"), id)) ?? {};
    assert.deepEqual(
      scopes.map(({ scope, granted }) => [scope, granted]),
      [
        ["openid", true],
        ["email", true],
        ["profile", false],
      ],
    );
    await answer(world, browser, id, { step: "consent", decision: "allow" });
    assert.ok(codeOf(await browser.get(authorizeUrl({ scope: "openid email profile" }))), "the union is remembered");
  });

  it("that leaves nothing ticked is a refusal", async () => {
    const world = await createWorld();
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const id = await begin(browser, { scope: "email" });
    assert.equal(errorOf(await answer(world, browser, id, allow())), "access_denied");
  });

  it("forgets what is unticked later", async () => {
    const world = await createWorld();
    const browser = world.browser();
    await codeFor(world, "alice", { scope: "openid email" }, browser);
    const id = await begin(browser, { scope: "openid email", prompt: "consent" });
    assert.deepEqual(await grantedScope(world, await answer(world, browser, id, allow("openid"))), ["openid"]);
    assert.equal(pageOf(await browser.get(authorizeUrl({ scope: "openid email" }))), `${issuer}/consent`);
  });

  it("counts per resource: allowing read here and write there allows neither at both", async () => {
    const resources = ["a", "b"].map((name) => ({
      resource: `https://${name}.test`,
      scopes: ["read", "write"],
      tokens: "opaque" as const,
    }));
    const world = await createWorld({ resources });
    const browser = world.browser();
    await codeFor(world, "alice", { scope: "read", resource: "https://a.test" }, browser);
    await codeFor(world, "alice", { scope: "write", resource: "https://b.test" }, browser);
    const ask = (scope: string, ...resource: string[]) => browser.get(authorizeUrl({ scope, resource }));
    assert.ok(codeOf(await ask("read", "https://a.test")));
    assert.equal(pageOf(await ask("write", "https://a.test")), `${issuer}/consent`);
    assert.equal(pageOf(await ask("read", "https://a.test", "https://b.test")), `${issuer}/consent`);
    assert.equal(pageOf(await ask("read")), `${issuer}/consent`);
  });

  it("is not asked for first-party clients, unless prompt=consent; a stranger's client is never one (CN-06)", async () => {
    const world = await createWorld();
    await world.addClient({ ...rp, client_id: "own", firstParty: true });
    await world.addClient({ ...rp, client_id: "stranger", firstParty: true, provenance: "dynamic" });
    const browser = world.browser();
    await signIn(world, browser, "alice");
    assert.ok(codeOf(await browser.get(authorizeUrl({ client_id: "own" }))));
    assert.deepEqual(await world.store.list("consent", {}), []);
    assert.equal(pageOf(await browser.get(authorizeUrl({ client_id: "own", prompt: "consent" }))), `${issuer}/consent`);
    assert.equal(pageOf(await browser.get(authorizeUrl({ client_id: "stranger" }))), `${issuer}/consent`);
  });

  it("is withdrawn with everything that hangs on it, and asked for again (CN-04)", async () => {
    const world = await createWorld();
    const browser = world.browser();
    await codeFor(world, "alice", { scope: "openid email offline_access" }, browser);
    const { grants } = world.provider;
    const [app, ...others] = await grants.list("alice");
    assert.deepEqual(others, []);
    assert.deepEqual(app, {
      client_id: "rp",
      client_name: "Photo Printer",
      scope: ["openid", "email", "offline_access"],
      offline: true,
      since: start,
    });
    await codeFor(world, "bob");
    await grants.revoke("alice", "rp");
    assert.deepEqual(await grants.list("alice"), []);
    for (const kind of ["consent", "grant"]) {
      assert.deepEqual(
        (await world.store.list(kind, {})).map(({ subject }) => subject),
        ["bob"],
        kind,
      );
    }
    assert.equal(pageOf(await browser.get(authorizeUrl())), `${issuer}/consent`);
    await grants.forget("bob");
    for (const kind of ["consent", "grant", "session"]) {
      assert.deepEqual(await world.store.list(kind, { subject: "bob" }), [], kind);
    }
  });
});

describe("an application that brings its own session", () => {
  async function host() {
    let session: Session | undefined;
    const world = await createWorld({ session: () => session, pages: { login: "/account/login" } });
    const enter = (subject: string, auth_time = start / 1000) => {
      session = { subject, auth_time, sid: `host-${subject}`, expiresAt: start + 3_600_000 };
    };
    return { world, browser: world.browser(), enter };
  }

  it("is asked for its own session, and its login page only reports the login", async () => {
    const { world, browser, enter } = await host();
    const response = await browser.get(authorizeUrl());
    assert.equal(pageOf(response), `${issuer}/account/login`);
    const id = locationOf(response).parameters.interaction ?? "";
    // The page answers, but did not sign anybody in: the question stays.
    assert.equal(
      pageOf(await answer(world, browser, id, { step: "login", subject: "alice" })),
      `${issuer}/account/login`,
    );
    enter("alice");
    assert.equal(pageOf(await answer(world, browser, id, { step: "login", subject: "alice" })), `${issuer}/consent`);
    assert.ok(codeOf(await answer(world, browser, id, { step: "consent", decision: "allow" })));
    assert.deepEqual(await world.store.list("session", {}), []);
    const [grant] = await world.store.list("grant", {});
    assert.equal(dataOf<{ sid: string }>(grant).sid, "host-alice");
    const [code] = await world.store.list("code", {});
    assert.equal(dataOf<{ grantUntil: number }>(code).grantUntil, start + 3_600_000);
  });

  it("satisfies prompt=login by the answer of its page, even if its session keeps the old time", async () => {
    const { world, browser, enter } = await host();
    enter("alice", start / 1000 - 1000);
    const id = await begin(browser, { prompt: "login" });
    assert.equal(pageOf(await answer(world, browser, id, { step: "login", subject: "alice" })), `${issuer}/consent`);
    await answer(world, browser, id, { step: "consent", decision: "allow" });
    const [grant] = await world.store.list("grant", {});
    assert.equal(dataOf<{ auth_time: number }>(grant).auth_time, start / 1000);
  });

  it("counts for nobody once it has ended", async () => {
    const { world, browser, enter } = await host();
    enter("alice");
    world.clock.advance(3600);
    assert.equal(pageOf(await browser.get(authorizeUrl())), `${issuer}/account/login`);
  });

  it("is told that the provider keeps no sessions for it", async () => {
    const { world, browser } = await host();
    const { sessions } = world.provider;
    await assert.rejects(sessions.start(browser.request("/"), { subject: "alice" }), /was given a session/);
    await assert.rejects(sessions.end(browser.request("/")), /was given a session/);
  });
});
