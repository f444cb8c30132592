/**
 * A logout token that comes between the check of who somebody is and the storing of their session (Back-Channel Logout §2.5 to §2.7).
 * Each order of the two is made by waiting for the other one at that very place.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { signJwt } from "@valetkey/protocol/jose";
import { memoryStore } from "@valetkey/store/memory";
import { Browser, type HostileIssuer, startIssuer } from "./lib/hostile-issuer.test.ts";
import { startApp, type TestApp } from "./lib/test-app.test.ts";
import {
  acted,
  becomes,
  codeOf,
  look,
  pressLink,
  type Seen,
  signIn,
  startTwo,
  stored,
} from "./lib/two-issuers.test.ts";

/** Has the issuer sign out whom the claims name, and waits until the application has answered. */
async function signOut(issuer: HostileIssuer, app: TestApp, claims: object, name = "acme"): Promise<void> {
  const { kid, privateJwk } = issuer.key;
  const iat = Math.floor(Date.now() / 1000);
  const events = { "http://schemas.openid.net/event/backchannel-logout": {} };
  const all = { iss: issuer.url, aud: "app", iat, exp: iat + 120, jti: randomUUID(), events, ...claims };
  const logout_token = await signJwt(all, { key: privateJwk, alg: "ES256", kid, typ: "logout+jwt" });
  const body = new URLSearchParams({ logout_token });
  const answer = await fetch(`${app.url}/auth/backchannel-logout/${name}`, { method: "POST", body });
  assert.equal(answer.status, 200, await answer.text());
}

const gone = async (browser: Browser, app: TestApp) => {
  assert.equal((await browser.get(`${app.url}/me`)).status, 303);
  assert.deepEqual(await stored(app), [0, 0, 0, 0]);
};

for (const [what, claims] of Object.entries({
  "the session": { sid: "s1" },
  "the person": { sub: "alice" },
  "the session of the person": { sub: "alice", sid: "s1" },
})) {
  test(`a token about ${what} that comes before the session is stored ends it all the same`, async () => {
    await using issuer = await startIssuer();
    becomes(issuer, "alice", { sid: "s1" });
    // Everything is verified by now, and nothing stored.
    const onSignIn = () => signOut(issuer, app, claims);
    const app = await startApp(issuer.url, { onSignIn });
    await using _ = app;
    const browser = new Browser();
    const page = await signIn(browser, app, "acme");
    assert.deepEqual([page.status, await codeOf(page)], [403, "signed_out_meanwhile"]);
    assert.equal(browser.cookies.has("vk_app"), false);
    await gone(browser, app);
    assert.equal(issuer.revoked.length, 0, "what the issuer ended it need not be told");
  });
}

test("a token that has looked for sessions already when the session is stored has left its mark", async () => {
  await using issuer = await startIssuer();
  becomes(issuer, "alice", { sid: "s1" });
  const good = memoryStore();
  const browser = new Browser();
  let begun = false;
  let arrived: Response | undefined;
  const store: typeof good = {
    ...good,
    async list(kind, filter) {
      const found = await good.list(kind, filter);
      if (kind === "app-session" && !begun) {
        begun = true;
        // The whole of the return takes place between the look and what follows from it.
        arrived = await browser.get(back);
      }
      return found;
    },
  };
  // The person left before the token came.
  const app = await startApp(issuer.url, { store });
  await using _ = app;
  const left = await browser.get(`${app.url}/auth/login/acme`);
  const back = (await browser.get(left.headers.get("location") ?? "")).headers.get("location") ?? "";
  await signOut(issuer, app, { sid: "s1" });
  assert.deepEqual([arrived?.status, await codeOf(arrived as Response)], [403, "signed_out_meanwhile"]);
  await gone(browser, app);
});

test("a token that comes when the marks were looked for already finds the session", async () => {
  await using issuer = await startIssuer();
  becomes(issuer, "alice", { sid: "s1" });
  const good = memoryStore();
  let done = false;
  const store: typeof good = {
    ...good,
    async list(kind, filter) {
      const found = await good.list(kind, filter);
      if (kind === "app-ended" && !done) {
        done = true;
        await signOut(issuer, app, { sid: "s1" });
      }
      return found;
    },
  };
  const app = await startApp(issuer.url, { store });
  await using _ = app;
  const browser = new Browser();
  const left = await browser.get(`${app.url}/auth/login/acme`);
  const back = (await browser.get(left.headers.get("location") ?? "")).headers.get("location") ?? "";
  assert.equal((await browser.get(back)).status, 303);
  assert.ok(done);
  await gone(browser, app);
});

test("a token about others, or from before, ends nothing", async () => {
  await using issuer = await startIssuer();
  const others = [{ sid: "s2" }, { sub: "bob" }, { sub: "bob", sid: "s1" }, { sub: "alice", sid: "s2" }];
  becomes(issuer, "alice", { sid: "s1" });
  let during = true;
  const onSignIn = async () => {
    if (during) for (const claims of others) await signOut(issuer, app, claims);
  };
  const app = await startApp(issuer.url, { onSignIn });
  await using _ = app;
  const browser = new Browser();
  const page = await signIn(browser, app, "acme");
  assert.equal(page.status, 200, JSON.stringify(app.lines));
  during = false;
  // At the issuer a new session begins, in the same second.
  await signOut(issuer, app, { sub: "alice" });
  await gone(browser, app);
  becomes(issuer, "alice", { sid: "s3" });
  // In the browser that was signed in a moment ago: what was ended is not taken for lost.
  assert.equal((await signIn(browser, app, "acme")).status, 200);
});

test("an account that is being added when its issuer ends it is not added; the session stays", async () => {
  let during = false;
  const onSignIn = async () => {
    if (during) await signOut(two.forge, two.app, { sid: "s2" }, "forge");
  };
  const two = await startTwo({ onSignIn, act: look });
  await using _ = two;
  const { app } = two;
  becomes(two.forge, "f", { sid: "s2" });
  const browser = new Browser();
  await signIn(browser, app, "acme");
  during = true;
  const left = await pressLink(browser, app, "forge");
  const page = await browser.follow(left.headers.get("location") ?? "");
  assert.deepEqual([page.status, await codeOf(page)], [403, "signed_out_meanwhile"]);
  assert.equal((await acted<Seen>(browser, app)).accounts.length, 1);
});
