import assert from "node:assert/strict";
import { test } from "node:test";
import { authorizeUrl, password, redeem, startSite } from "../site.test.ts";
import { visit } from "../visit.test.ts";

const ada = { email: "ada@example.com", name: "Ada", password };

test("the set-up link creates the first account, signs in, says to go back to the app, and works once (SE-27)", async () => {
  await using site = await startSite({ people: "nobody" });
  const link = `/setup?token=${await site.directory.createSetupToken()}`;
  const browser = visit(site.server);
  const form = await browser.go(link);
  assert.match(form.html, /autocomplete="new-password"/);
  assert.match(form.html, /passwordrules=/);
  const account = await browser.send(form, ada, "submit");
  assert.equal(new URL(account.url).pathname, "/account");
  assert.match(account.html, /Go back to your app and sign in/);
  assert.match(account.html, /ada@example\.com/);
  const late = visit(site.server);
  assert.equal((await late.go(link)).status, 404);
  assert.equal((await browser.send(form, { ...ada, email: "eve@example.com" }, "submit")).status, 404);
  assert.equal(await site.directory.byEmail("eve@example.com"), undefined);
});

test("what is wrong is said beside its field, what was typed is kept, and the link goes on working", async () => {
  await using site = await startSite({ people: "nobody" });
  const browser = visit(site.server);
  const form = await browser.go(`/setup?token=${await site.directory.createSetupToken()}`);
  const weak = await browser.send(form, { ...ada, password: "short" }, "submit");
  assert.equal(weak.status, 422);
  assert.match(
    weak.html,
    /id="password"[^>]*aria-describedby="password-hint password-error" aria-invalid="true" autofocus/,
  );
  assert.match(weak.html, /value="ada@example\.com"/);
  assert.doesNotMatch(weak.html, /value="short"/);
  const wrong = await browser.send(weak, { ...ada, email: "nonsense" }, "submit");
  assert.match(wrong.html, /id="email-error"/);
  assert.equal(new URL((await browser.send(wrong, ada, "submit")).url).pathname, "/account");
});

test("of two browsers with the same set-up link one makes the account", async () => {
  await using site = await startSite({ people: "nobody" });
  const link = `/setup?token=${await site.directory.createSetupToken()}`;
  const pages = await Promise.all(
    ["ada", "eve"].map(async (name) => {
      const browser = visit(site.server);
      return browser.send(await browser.go(link), { ...ada, name, email: `${name}@example.com` }, "submit");
    }),
  );
  assert.deepEqual(pages.map((page) => page.status).sort(), [200, 404]);
  assert.equal((await site.directory.list()).length, 1);
});

test("a reset link sets a password once, signs nobody in and ends every session and grant (P10, ASVS 7.4.3)", async () => {
  await using site = await startSite();
  const signedIn = visit(site.server);
  await signedIn.send(await signedIn.go("/login"), { username: "alice@example.com", password }, "submit");
  const consent = await signedIn.go(authorizeUrl({ scope: "openid offline_access", prompt: "consent" }));
  await redeem(site.server, (await signedIn.send(consent, {}, "allow")).location);
  assert.equal((await site.store.list("grant", { subject: site.alice })).length, 1);
  const link = `/reset?token=${await site.directory.createResetToken(site.alice)}`;
  const browser = visit(site.server);
  const form = await browser.go(link);
  assert.match(form.html, /alice@example\.com/);
  const weak = await browser.send(form, { password: "password" }, "submit");
  assert.equal(weak.status, 422);
  const done = await browser.send(weak, { password: "a brand new phrase" }, "submit");
  assert.equal(new URL(done.url).pathname, "/login");
  assert.match(done.html, /Your new password is set/);
  assert.equal(new URL((await signedIn.go("/account")).url).pathname, "/login");
  assert.deepEqual(await site.store.list("grant", { subject: site.alice }), []);
  assert.equal((await browser.go(link)).status, 404);
  assert.equal((await browser.send(form, { password: "yet another phrase" }, "submit")).status, 404);
  const again = await browser.send(done, { username: "alice@example.com", password: "a brand new phrase" }, "submit");
  assert.equal(new URL(again.url).pathname, "/account");
});
