import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { deriveHandle } from "@valetkey/protocol/random";
import { authorizeUrl, begin, codeFor, createWorld, issuer, locationOf, markRedeemed, signIn } from "./op.ts";

const name = "__Host-vk_session";
const hours = 3600;
const days = 24 * hours;

async function ready(login: { remember?: boolean } = {}) {
  const world = await createWorld();
  const browser = world.browser();
  await signIn(world, browser, "alice", login);
  const current = async () => (await world.provider.sessions.current(browser.request("/")))?.subject;
  return { world, browser, current, sessions: world.provider.sessions };
}

describe("the session cookie (RFC 6265bis §4.1.3, SE-02)", () => {
  it("is host-bound, Secure, HttpOnly and Lax, and ends with the browser", async () => {
    const { world, sessions } = await ready();
    const [cookie = "", ...others] = await sessions.start(world.browser().request("/"), { subject: "bob" });
    assert.deepEqual(others, []);
    assert.match(cookie, /^__Host-vk_session=vk_session_[\w-]{64}; /);
    assert.deepEqual(cookie.split("; ").slice(1).sort(), ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]);
  });

  it("stays after the browser closes only if the person asked to stay signed in", async () => {
    const forgetful = await ready();
    forgetful.browser.restart();
    assert.equal(await forgetful.current(), undefined);
    const lasting = await ready({ remember: true });
    assert.equal(lasting.browser.cookies.get(name)?.until, lasting.world.clock.now + 30 * days * 1000);
    lasting.browser.restart();
    assert.equal(await lasting.current(), "alice");
  });

  it("does not keep a session that should end with the browser for the sake of another one", async () => {
    const { world, browser, current } = await ready();
    await signIn(world, browser, "bob", { remember: true });
    browser.restart();
    assert.equal(await current(), undefined);
  });

  it("counts for nothing when it is changed, made up, or another session's", async () => {
    const { world, browser, current } = await ready();
    const { value = "" } = browser.cookies.get(name) ?? {};
    const other = world.browser();
    await signIn(world, other, "bob");
    const foreign = other.cookies.get(name)?.value ?? "";
    const mixed = value.slice(0, 37) + foreign.slice(37);
    // A well-formed handle under the right id, with a secret that was guessed.
    const [{ id } = assert.fail()] = await world.store.list("session", { subject: "alice" });
    const { handle: guessed } = await deriveHandle("session", id, "a guess", "at the secret");
    for (const forged of [
      guessed,
      mixed,
      `${value.slice(0, -7)}${value.at(-7) === "x" ? "y" : "x"}${value.slice(-6)}`,
      "x",
      "....",
      ".".repeat(4000),
      value.toUpperCase(),
    ]) {
      browser.cookies.set(name, { value: forged, attributes: "", until: undefined });
      assert.equal(await current(), undefined, forged);
    }
  });

  it("is not stored in the clear", async () => {
    const { world, browser } = await ready();
    const stored = JSON.stringify(await world.store.list("session", {}));
    assert.ok(!stored.includes(browser.cookies.get(name)?.value.slice(37, 69) ?? assert.fail()));
  });
});

describe("the life of a session (SE-24)", () => {
  it("ends at its absolute end, however much it is used", async () => {
    const { world, current } = await ready();
    for (let passed = 0; passed < 12 * hours; passed += hours / 2) {
      assert.equal(await current(), "alice");
      world.clock.advance(hours / 2);
    }
    assert.equal(await current(), undefined);
  });

  it("ends when it is idle for too long, and not when it is used", async () => {
    const { world, current } = await ready({ remember: true });
    world.clock.advance(6 * days);
    assert.equal(await current(), "alice");
    world.clock.advance(6 * days);
    assert.equal(await current(), "alice");
    world.clock.advance(7 * days);
    assert.equal(await current(), undefined);
    assert.deepEqual(await world.store.list("session", {}), [], "the store may forget it");
  });

  it("is marked as used at most every five minutes", async () => {
    const { world, current } = await ready();
    const version = async () => (await world.store.list("session", {}))[0]?.version;
    world.clock.advance(299);
    await current();
    assert.equal(await version(), 1);
    world.clock.advance(1);
    await current();
    await current();
    assert.equal(await version(), 2);
  });

  it("is read even if it cannot be marked as used", async () => {
    const { world, browser } = await ready();
    world.clock.advance(600);
    const commit = world.store.commit;
    Object.assign(world.store, { commit: () => Promise.reject(new Error("the disk is full")) });
    assert.equal((await world.provider.sessions.current(browser.request("/")))?.subject, "alice");
    Object.assign(world.store, { commit });
    assert.ok(world.lines.some(({ level, fields }) => level === "warn" && fields.event === "session.untouched"));
  });
});

describe("signing in", () => {
  it("always makes a fresh handle and ends the session it replaces for the same person", async () => {
    const { world, browser, sessions } = await ready();
    const before = browser.cookies.get(name)?.value ?? "";
    const [first] = await sessions.list(browser.request("/"), "alice");
    world.clock.advance(60);
    await signIn(world, browser, "alice");
    const after = browser.cookies.get(name)?.value ?? "";
    assert.notEqual(after, before);
    browser.cookies.set(name, { value: before, attributes: "", until: undefined });
    assert.equal(await sessions.current(browser.request("/")), undefined, "the old handle is dead");
    const [second, ...others] = await sessions.list(browser.request("/"), "alice");
    assert.deepEqual(others, []);
    assert.equal(second?.sid, first?.sid, "what is bound to it stays bound");
    assert.equal(second?.auth_time, (first?.auth_time ?? 0) + 60);
  });

  it("never takes over a handle that was planted before (session fixation)", async () => {
    const { world } = await ready();
    const attacker = world.browser();
    await signIn(world, attacker, "bob");
    const victim = world.browser();
    victim.cookies.set(name, attacker.cookies.get(name) ?? assert.fail());
    await signIn(world, victim, "alice");
    assert.equal((await world.provider.sessions.current(attacker.request("/")))?.subject, "bob");
  });

  it("keeps up to five accounts in one browser, the newest current, and ends the oldest beyond", async () => {
    const { world, browser, current, sessions } = await ready();
    for (const subject of ["b", "c", "d", "e", "f"]) await signIn(world, browser, subject);
    assert.equal(await current(), "f");
    const subjects = (await sessions.inBrowser(browser.request("/"))).map(({ subject }) => subject);
    assert.deepEqual(subjects, ["f", "e", "d", "c", "b"]);
    assert.deepEqual(await sessions.list(browser.request("/"), "alice"), []);
  });

  it("gives the next person in the same browser a session of their own (LO-10)", async () => {
    const { world, browser, sessions } = await ready();
    const alice = await sessions.current(browser.request("/"));
    browser.cookies.clear();
    await signIn(world, browser, "bob");
    const bob = await sessions.current(browser.request("/"));
    assert.equal(bob?.subject, "bob");
    assert.notEqual(bob?.sid, alice?.sid);
  });
});

describe("ending sessions (P11, CD-10, LO-09, LO-11)", () => {
  it("kills bound grants of that session, and keeps offline ones and those of others", async () => {
    const { world, browser, sessions } = await ready();
    await codeFor(world, "alice", {}, browser);
    world.clock.advance(1);
    await codeFor(world, "alice", { scope: "openid offline_access" }, browser);
    // The code of the offline grant was redeemed: its grant has tokens now.
    const [bound, offline] = await world.store.list("grant", { subject: "alice" });
    await markRedeemed(world.store, offline ?? assert.fail());
    const elsewhere = world.browser();
    await codeFor(world, "alice", {}, elsewhere);
    await codeFor(world, "bob");

    browser.keep(await sessions.end(browser.request("/")));
    assert.equal(await sessions.current(browser.request("/")), undefined);
    assert.equal(browser.cookies.has(name), false);
    const ids = (await world.store.list("grant", { subject: "alice" })).map(({ id }) => id);
    assert.equal(ids.length, 2);
    assert.ok(!ids.includes(bound?.id ?? "") && ids.includes(offline?.id ?? ""));
    assert.equal((await world.store.list("grant", { subject: "bob" })).length, 1);
    assert.equal((await sessions.current(elsewhere.request("/")))?.subject, "alice");
  });

  it("kills an offline grant whose code was never redeemed", async () => {
    const { world, browser, sessions } = await ready();
    await codeFor(world, "alice", { scope: "openid offline_access" }, browser);
    await sessions.end(browser.request("/"));
    assert.deepEqual(await world.store.list("grant", {}), []);
  });

  it("of one account continues as nobody, and offers the others", async () => {
    const { world, browser, current, sessions } = await ready();
    await signIn(world, browser, "bob");
    browser.keep(await sessions.end(browser.request("/")));
    assert.equal(await current(), undefined);
    assert.deepEqual(
      (await sessions.inBrowser(browser.request("/"))).map(({ subject }) => subject),
      ["alice"],
    );
    assert.equal(locationOf(await browser.get(authorizeUrl())).page, `${issuer}/select-account`);
    const id = await begin(browser);
    const [alice] = await sessions.inBrowser(browser.request("/"));
    browser.keep(
      await world.provider.interactions.answer(browser.request("/", { method: "POST" }), id, {
        step: "select_account",
        sid: alice?.sid ?? "",
      }),
    );
    assert.equal(await current(), "alice");
  });

  it("ends one by its sid, from another browser", async () => {
    const { world, browser, current, sessions } = await ready();
    await codeFor(world, "alice", {}, browser);
    const other = world.browser();
    world.clock.advance(1);
    await signIn(world, other, "alice");
    const listed = await sessions.list(other.request("/", { headers: { "user-agent": "x" } }), "alice");
    assert.deepEqual(
      listed.map((session) => session.current),
      [false, true],
    );
    const sid = listed[0]?.sid ?? "";
    assert.equal(await sessions.endOne("bob", sid), false, "not somebody else's");
    assert.equal(await sessions.endOne("alice", sid), true);
    assert.equal(await sessions.endOne("alice", sid), false);
    assert.equal(await current(), undefined);
    assert.deepEqual(await world.store.list("grant", {}), []);
    assert.equal((await sessions.current(other.request("/")))?.subject, "alice");
  });

  it("ends all but one, and with `grants: all` offline grants as well (P10)", async () => {
    const { world, browser, current, sessions } = await ready();
    await codeFor(world, "alice", { scope: "openid offline_access" }, browser);
    await codeFor(world, "alice", { scope: "openid" }, browser);
    for (const grant of await world.store.list("grant", {})) await markRedeemed(world.store, grant);
    await codeFor(world, "alice");
    const here = (await sessions.current(browser.request("/")))?.sid;
    await sessions.endAll("alice", { exceptSid: here });
    assert.equal(await current(), "alice");
    assert.equal((await sessions.list(browser.request("/"), "alice")).length, 1);
    assert.equal((await world.store.list("grant", {})).length, 2);
    await sessions.endAll("alice", { exceptSid: here, grants: "all" });
    const left = await world.store.list("grant", {});
    assert.deepEqual(
      left.map(({ data }) => (data as { offline: boolean }).offline),
      [false],
    );
    await sessions.endAll("alice");
    assert.equal(await current(), undefined);
    assert.deepEqual(await world.store.list("grant", {}), []);
  });
});
