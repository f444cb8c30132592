/** What an API says about the sign-in becomes a sign-in that asks for it (RFC 9470 §3, §4). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { oauth2 } from "./create-oauth.ts";
import { Browser, startIssuer } from "./lib/hostile-issuer.test.ts";
import { type Act, startApp } from "./lib/test-app.test.ts";

const challenge = (parameters: string) =>
  new Response(null, { status: 401, headers: { "WWW-Authenticate": `Bearer ${parameters}` } });
const stepUp = 'realm="api", error="insufficient_user_authentication"';

/** Signs somebody in and gives what `needStepUp` makes of an API's answer. */
async function redirectFor(
  answer: Response,
  options: Parameters<typeof startApp>[1] & { returnTo?: string; name?: string } = {},
) {
  const { returnTo, name = "acme", ...more } = options;
  const issuer = await startIssuer();
  const act: Act = async (auth) => {
    const redirect = await auth.needStepUp(name, answer, returnTo === undefined ? {} : { returnTo });
    return redirect?.headers.get("location");
  };
  const app = await startApp(issuer.url, { act, ...more });
  const browser = new Browser();
  await browser.follow(`${app.url}/auth/login/${name}`);
  const text = await (await browser.get(`${app.url}/act`)).text();
  return {
    issuer,
    app,
    browser,
    location: text === "" ? undefined : (JSON.parse(text) as string | { code: string }),
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]();
      await issuer[Symbol.asyncDispose]();
    },
  };
}

test("an answer that says something else asks for nothing", async () => {
  for (const answer of [
    new Response("fine"),
    challenge('error="invalid_token"'),
    challenge('error="insufficient_scope", scope="a"'),
    challenge('error_description="insufficient_user_authentication"'),
  ]) {
    await using found = await redirectFor(answer);
    assert.equal(found.location, undefined);
  }
});

test("acr_values and max_age go to the issuer, instead of what is configured, sealed on the way", async () => {
  const answer = challenge(`${stepUp}, acr_values="gold silver", max_age="60"`);
  await using found = await redirectFor(answer, {
    provider: { acr_values: "bronze" },
    returnTo: "/me?x=1",
  });
  const { location, browser, app } = found;
  assert.match(String(location), /^\/auth\/login\/acme\?returnTo=%2Fme%3Fx%3D1&ask=/);
  assert.doesNotMatch(String(location), /gold/);
  const left = await browser.get(app.url + location);
  const { searchParams } = new URL(left.headers.get("location") ?? "");
  assert.equal(searchParams.get("acr_values"), "gold silver");
  assert.equal(searchParams.get("max_age"), "60");
  assert.equal(searchParams.get("scope"), "openid profile email");
  // Another browser, or a link made by somebody else, changes nothing of what is configured.
  const elsewhere = await new Browser().get(app.url + location);
  assert.equal(new URL(elsewhere.headers.get("location") ?? "").searchParams.get("acr_values"), "bronze");
});

test("an issuer that signed the person in otherwise is refused, and one that did as asked is believed", async () => {
  await using found = await redirectFor(challenge(`${stepUp}, acr_values="gold"`), { returnTo: "/me" });
  const { location, browser, app, issuer } = found;
  issuer.mischief.idToken = (claims) => ({ ...claims, acr: "bronze" });
  const refused = await browser.follow(app.url + location);
  assert.equal(refused.status, 502);
  assert.match(await refused.text(), /id_token_invalid/);
  issuer.mischief.idToken = (claims) => ({ ...claims, acr: "gold" });
  assert.equal((await browser.follow(app.url + location)).status, 200);
});

test("a service without OpenID Connect cannot be asked", async () => {
  await using issuer = await startIssuer();
  const forge = oauth2("forge", {
    authorization_endpoint: `${issuer.url}/authorize`,
    token_endpoint: `${issuer.url}/token`,
    client_id: "app",
    client_secret: "s",
    profile: async () => ({ id: "7", claims: {} }),
  });
  await using found = await redirectFor(challenge(stepUp), { providers: [forge], name: "forge" });
  assert.equal((found.location as { code: string }).code, "configuration_invalid");
});
