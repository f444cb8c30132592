/**
 * Somebody who has signed in to a test application, for tests of what happens afterwards.
 */
import assert from "node:assert/strict";
import type { Auth } from "../create-oauth.ts";
import { Browser, type HostileIssuer } from "./hostile-issuer.test.ts";
import type { TestApp } from "./test-app.test.ts";

/** Signs in and gives the session as the application would see it in later requests. */
export async function signedIn(app: TestApp): Promise<{ auth: () => Promise<Auth>; browser: Browser }> {
  const browser = new Browser();
  assert.equal((await browser.follow(`${app.url}/me`)).status, 200);
  const auth = async () => {
    const found = await app.oauth.session(new Request(app.url, { headers: { Cookie: cookieOf(browser) } }));
    assert.ok(found, "signed in");
    return found;
  };
  return { auth, browser };
}

/** The Cookie header this browser would send. */
export const cookieOf = (browser: Browser): string =>
  [...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
/** What the token endpoint was asked with a refresh token. */
export const refreshes = (issuer: HostileIssuer) =>
  issuer.tokenRequests.filter((form) => form.get("grant_type") === "refresh_token");
