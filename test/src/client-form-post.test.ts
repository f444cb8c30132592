/**
 * Answers that a provider's page posts, in a real Chromium: from another site, with the cookies a browser sends along then.
 *
 * OAuth 2.0 Form Post Response Mode, RFC 6265bis §5.2 and §5.6.7 (SameSite). The provider is `oidc-provider` on `localhost`, the
 * application is on 127.0.0.1. The one property: the session that a browser keeps back in such a request is ended all the same.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { oidc } from "@valetkey/client/create-oauth";
import { startChromium } from "@valetkey/test-support/chromium";
import { assertCalm, startClientApp } from "./lib/client-app.ts";
import { foreigner, startForeignProvider } from "./lib/foreign-provider.ts";
import { freePort } from "./lib/server.ts";
import { leftOver, sessionOf } from "./lib/visitor.ts";

describe("an answer that the provider's page posts from another site", () => {
  it("signs in, also where somebody is signed in already: that session ends, though its cookie stays behind", async () => {
    const port = await freePort();
    const chromium = await startChromium();
    await using provider = await startForeignProvider([
      {
        client_id: "app",
        client_secret: "a secret of the application",
        redirect_uris: [`http://127.0.0.1:${port}/auth/callback/acme`],
      },
    ]);
    const { issuer } = provider;
    const acme = oidc("acme", {
      issuer,
      client_id: "app",
      client_secret: "a secret of the application",
      response_mode: "form_post",
    });
    await using app = await startClientApp({ port, providers: [acme] });
    try {
      for (const javaScriptEnabled of [true, false]) {
        const context = await chromium.newContext({ javaScriptEnabled });
        const page = await context.newPage();
        const signIn = async (path: string) => {
          await page.goto(`${app.origin}${path}`);
          if (!javaScriptEnabled) await page.click("[type=submit]");
          await page.waitForURL(`${app.origin}/wanted`);
          assert.equal(await page.textContent("#name"), foreigner.name);
          return (await sessionOf(context)) ?? assert.fail("no session");
        };
        const posted = page.waitForRequest((request) => request.url().endsWith("/auth/callback/acme"));
        const first = await signIn("/wanted");
        assert.deepEqual(
          [(await posted).method(), await (await posted).headerValue("sec-fetch-site")],
          ["POST", "cross-site"],
        );
        assert.equal(first.sameSite, "Lax");
        const postedAgain = page.waitForRequest((request) => request.url().endsWith("/auth/callback/acme"));
        const second = await signIn("/auth/login?returnTo=/wanted");
        const { cookie = "" } = await (await postedAgain).allHeaders();
        assert.match(cookie, /vk_tx_/);
        assert.doesNotMatch(cookie, /vk_app/, "Lax stays behind");
        assert.notEqual(second.value, first.value);
        await context.addCookies([first]);
        const former = await page.request.get(`${app.origin}/wanted`, {
          maxRedirects: 0,
          headers: { Accept: "text/html" },
        });
        assert.equal(former.status(), 303, "the former session is over");
        assert.deepEqual(await leftOver(context), []);
        await context.close();
      }
      assertCalm(app);
    } finally {
      await chromium.close();
    }
  });
});
