/**
 * Requests that are overtaken: a logout, a password change or a withdrawal that happens between what a request has seen and
 * what it commits (P10, P11, CN-04, CD-10). Nothing they end may be born after them.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Change, Store } from "@valetkey/store";
import { memoryStore } from "@valetkey/store/memory";
import { answer, authorizeUrl, type Browser, begin, createWorld, locationOf, signIn, start, type World } from "./op.ts";

/** A store that does something else just before a commit that inserts an entry of a kind. */
function interruptible(): { store: Store; before: (kind: string, work: () => Promise<void>) => void } {
  const inner = memoryStore({ now: () => start });
  let waiting: { kind: string; work: () => Promise<void> } | undefined;
  return {
    before(kind, work) {
      waiting = { kind, work };
    },
    store: {
      get: inner.get,
      list: inner.list,
      sweep: inner.sweep,
      async commit(changes: readonly Change[]) {
        const now = waiting;
        if (now !== undefined && changes.some((one) => one.do === "insert" && one.entry.kind === now.kind)) {
          waiting = undefined;
          await now.work();
        }
        return inner.commit(changes);
      },
    },
  };
}

async function consented(): Promise<{
  world: World;
  before: ReturnType<typeof interruptible>["before"];
  browser: ReturnType<World["browser"]>;
}> {
  const { store, before } = interruptible();
  const world = await createWorld({ store });
  const browser = world.browser();
  await signIn(world, browser, "alice");
  await consent(world, browser, "openid offline_access");
  return { world, before, browser };
}

/** Allows the scopes and takes the code. */
async function consent(world: World, browser: Browser, scope: string): Promise<void> {
  const id = await begin(browser, { scope });
  const allowed = await answer(world, browser, id, { step: "consent", decision: "allow" });
  assert.ok(locationOf(allowed).parameters.code);
}

const silent = authorizeUrl({ scope: "openid offline_access", prompt: "none" });

describe("an authorization request that is overtaken", () => {
  for (const grants of ["session", "all"] as const) {
    it(`gives no code when every session is ended meanwhile, grants: ${grants} (P10, P11)`, async () => {
      const { world, before, browser } = await consented();
      before("code", () => world.provider.sessions.endAll("alice", { grants }));
      const { parameters } = locationOf(await browser.get(silent));
      assert.equal(parameters.error, "login_required");
      const left = await world.store.list("grant", { subject: "alice" });
      assert.deepEqual(
        left.filter((entry) => !(entry.data as { offline?: boolean }).offline || grants === "all"),
        [],
      );
      // The grant of the overtaken request is not among those that are left.
      assert.ok(left.length <= (grants === "all" ? 0 : 1));
    });
  }

  it("gives no code when the person takes the consent back meanwhile (CN-04)", async () => {
    const { world, before, browser } = await consented();
    before("code", () => world.provider.grants.revoke("alice", "rp"));
    const { parameters } = locationOf(await browser.get(silent));
    assert.equal(parameters.error, "consent_required");
    assert.deepEqual(await world.store.list("grant", { subject: "alice" }), []);
  });

  it("gives a code when nothing of it has changed", async () => {
    const { browser } = await consented();
    assert.ok(locationOf(await browser.get(silent)).parameters.code);
  });
});

describe("a sign-in that is overtaken", () => {
  it("leaves no session when what was proved no longer holds once the session stands (P10)", async () => {
    const world = await createWorld();
    const browser = world.browser();
    let asked = 0;
    const still = async () => {
      asked++;
      // Whatever ends all sessions now finds this one; whatever did before has changed the answer.
      assert.equal((await world.store.list("session", { subject: "alice" })).length, 1);
      return false;
    };
    browser.keep(await world.provider.sessions.start(browser.request("/login"), { subject: "alice", still }));
    assert.equal(asked, 1);
    assert.deepEqual(await world.store.list("session", { subject: "alice" }), []);
    assert.equal(await world.provider.sessions.current(browser.request("/")), undefined);
  });

  it("asks for login again when it happened within an interaction", async () => {
    const world = await createWorld();
    const browser = world.browser();
    const first = locationOf(await browser.get(authorizeUrl()));
    const id = first.parameters.interaction ?? "";
    const answered = await world.provider.interactions.answer(browser.request("/login", { method: "POST" }), id, {
      step: "login",
      subject: "alice",
      still: () => false,
    });
    browser.keep(answered);
    const next = locationOf(await browser.get(locationOf(answered).url.href));
    assert.equal(new URL(next.page).pathname, "/login");
  });

  it("stays when it still holds", async () => {
    const world = await createWorld();
    const browser = world.browser();
    browser.keep(
      await world.provider.sessions.start(browser.request("/login"), { subject: "alice", still: async () => true }),
    );
    assert.equal((await world.provider.sessions.current(browser.request("/")))?.subject, "alice");
  });
});

describe("an outage in the middle of a logout", () => {
  it("leaves the session to try again with, and the second try ends everything (P11)", async () => {
    const inner = memoryStore({ now: () => start });
    let failing = false;
    const store: Store = {
      ...inner,
      async commit(changes) {
        if (failing && changes.some((one) => one.do === "remove" && one.entry.kind === "grant"))
          throw new Error("no disk");
        return inner.commit(changes);
      },
    };
    const world = await createWorld({ store });
    const browser = world.browser();
    await signIn(world, browser, "alice");
    await consent(world, browser, "openid");
    failing = true;
    await assert.rejects(world.provider.sessions.end(browser.request("/logout")));
    assert.equal((await world.provider.sessions.current(browser.request("/")))?.subject, "alice");
    failing = false;
    await world.provider.sessions.end(browser.request("/logout"));
    assert.deepEqual(await store.list("grant", { subject: "alice" }), []);
    assert.deepEqual(await store.list("session", { subject: "alice" }), []);
  });
});
