/** The cookies of sign-ins on their way. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Browser, startIssuer } from "./hostile-issuer.test.ts";
import { signedIn } from "./signed-in.test.ts";
import { startApp } from "./test-app.test.ts";

test("whatever links people follow, the cookies of their sign-ins fit in a header of 8 KB (F-59)", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  const browser = new Browser();
  const ours = () => [...browser.cookies].filter(([name]) => name.startsWith("vk_tx_"));
  let last = "";
  for (let n = 0; n < 10; n++) {
    const start = await browser.get(`${app.url}/auth/login/acme?returnTo=/${"a".repeat(1000)}${n}`);
    last = start.headers.get("location") ?? "";
    const size = ours().reduce((sum, [name, value]) => sum + name.length + value.length + 3, 0);
    assert.ok(size < 6200, `${ours().length} cookies of ${size} characters together`);
  }
  assert.ok(ours().length >= 2, "two tabs fit even so");
  assert.match((await browser.follow(last)).url, /a9$/);
});

test("cookies that only begin like ours disturb nobody", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  const cookie = Array.from({ length: 9 }, (_, n) => `vk_tx_(${n}=x`).join("; ");
  const start = await fetch(`${app.url}/auth/login/acme`, { headers: { cookie }, redirect: "manual" });
  assert.equal(start.status, 303);
});

test("what was sealed to ask for more scope is no transaction (RP-01)", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  const { auth } = await signedIn(app);
  const more = await (await auth()).needScope("acme", "more");
  const ask = new URL(more?.headers.get("location") ?? "", app.url).searchParams.get("ask");
  const state = new URL(
    (await fetch(`${app.url}/auth/login/acme`, { redirect: "manual" })).headers.get("location") ?? "",
  ).searchParams.get("state");
  const cookie = `vk_tx_${state?.split(".")[0]}=${ask}`;
  const back = await fetch(`${app.url}/auth/callback/acme?code=c&state=${state}`, { headers: { cookie } });
  assert.equal(back.status, 400);
  assert.match(await back.text(), /transaction_missing/);
});
