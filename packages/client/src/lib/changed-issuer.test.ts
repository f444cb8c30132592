/** Another issuer under the name of a former one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createOAuth, oidc } from "../create-oauth.ts";
import { Browser, startIssuer } from "./hostile-issuer.test.ts";
import { isIssuerOf } from "./issuer-template.ts";
import { cookieOf } from "./signed-in.test.ts";
import { recordingLog, secret, startApp } from "./test-app.test.ts";

test("who signed in at another issuer is nobody here, though the provider has the same name (RFC 9700 §4.4, ASVS 6.8.1)", async () => {
  await using former = await startIssuer();
  await using issuer = await startIssuer();
  await using app = await startApp(former.url);
  const browser = new Browser();
  await browser.follow(`${app.url}/me`);
  const request = () => new Request(app.url, { headers: { cookie: cookieOf(browser) } });
  assert.equal((await app.oauth.session(request()))?.issuer, former.url);
  const { log } = recordingLog();
  const acme = oidc("acme", { issuer: issuer.url, client_id: "app", client_secret: "s" });
  const oauth = createOAuth({ providers: [acme], secret, store: app.store, log });
  assert.equal(await oauth.session(request()), null);
});

test("an issuer fits its provider as text, or the template in whole names (Core §3.1.3.7)", () => {
  const one = { issuer: "https://id.example/v2" };
  assert.equal(isIssuerOf(one, "https://id.example/v2"), true);
  for (const other of ["https://id.example/v2/", "https://id.example/v20", "https://idxexample/v2"])
    assert.equal(isIssuerOf(one, other), false, other);
  const many = { issuer: "https://id.example/common/v2", issuer_template: "https://id.example/{tid}/v2" };
  assert.equal(isIssuerOf(many, "https://id.example/9188040d-6c67/v2"), true);
  for (const other of [
    "https://id.example/a/b/v2",
    "https://id.example//v2",
    "https://idxexample/a/v2",
    "https://id.example/a/v2\n",
  ])
    assert.equal(isIssuerOf(many, other), false, other);
});
