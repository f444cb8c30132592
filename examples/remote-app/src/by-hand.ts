/**
 * The same by hand, with the plain functions underneath `createOAuth`, step by step as the tutorials for Flask-OAuth have it:
 * authorize, read the answer, store the token, get it from storage, ask the API.
 *
 * RFC 6749 §4.1, RFC 7636, RFC 9207. One process only: several would renew the same token at the same time, which `createOAuth`
 * takes care of.
 */
import { authorizationUrl } from "@valetkey/client/authorization-url";
import { checkCallback } from "@valetkey/client/callback";
import { isClientError } from "@valetkey/client/client-error";
import { exchangeCode } from "@valetkey/client/exchange-code";
import { refreshTokens } from "@valetkey/client/refresh";
import type { ClientAuthentication } from "@valetkey/client/token-request";
import { hkdf } from "@valetkey/protocol/digest";
import { decryptText, encryptText } from "@valetkey/protocol/jose";
import { randomToken } from "@valetkey/protocol/random";
import { type Context, Hono } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { html } from "hono/html";
import { page } from "./page.ts";
import type { RemoteApp } from "./remote.ts";
import { openTokenStorage } from "./token-storage.ts";

export interface ByHandOptions {
  readonly url: string;
  readonly remote: RemoteApp;
  readonly file: string;
  readonly secret: string;
}

export function byHand({ url, remote, file, secret }: ByHandOptions): Hono {
  // 1. The remote app. Without a discovery document we say ourselves what it can do.
  const metadata = {
    issuer: new URL(remote.authorization_endpoint).origin,
    authorization_endpoint: remote.authorization_endpoint,
    token_endpoint: remote.token_endpoint,
    code_challenge_methods_supported: ["S256"],
  };
  const { client_id, client_secret, scope } = remote;
  const client: ClientAuthentication = { client_id, client_secret, token_endpoint_auth_method: "client_secret_basic" };
  const redirect_uri = `${url}/by-hand/callback`;
  const storage = openTokenStorage(file, secret);
  const pendingKey = hkdf(secret, "remote-app pending", 32);
  const cookie = { path: "/by-hand", httpOnly: true, sameSite: "Lax", secure: url.startsWith("https:") } as const;

  // 5. The token getter: from storage, renewed when its time is up. One renewal at a time: refresh tokens work once.
  const renewals = new Map<string, Promise<string | undefined>>();
  async function getToken(session: string): Promise<string | undefined> {
    const tokens = await (await storage).get(session);
    if (tokens === undefined) return undefined;
    const { expiresAt = Number.POSITIVE_INFINITY, obtainedAt } = tokens;
    const early = Math.min(30_000, (expiresAt - obtainedAt) / 10);
    if (Date.now() < expiresAt - early) return tokens.access_token;
    const running = renewals.get(session) ?? renew(session).finally(() => renewals.delete(session));
    renewals.set(session, running);
    return running;
  }

  async function renew(session: string): Promise<string | undefined> {
    const tokens = await (await storage).get(session);
    if (tokens?.refresh_token === undefined) return undefined;
    const { refresh_token } = tokens;
    try {
      const fresh = await refreshTokens({ metadata, client, refresh_token });
      await (await storage).set(session, { refresh_token, ...fresh });
      return fresh.access_token;
    } catch (error) {
      // Only this ends the permission; an outage does not.
      if (!isClientError(error, "token_refused") || error.error !== "invalid_grant") throw error;
      await (await storage).remove(session);
      return undefined;
    }
  }

  // 6. Requests relative to the base URL, with the token in the header.
  async function request(session: string, path: string, init: RequestInit = {}): Promise<Response | undefined> {
    const token = await getToken(session);
    if (token === undefined) return undefined;
    const headers = new Headers(init.headers);
    headers.set("Authorization", `Bearer ${token}`);
    const target = `${remote.api.replace(/\/$/, "")}/${path.replace(/^\//, "")}`;
    // A redirect could carry the token to somebody else.
    return fetch(target, { ...init, headers, redirect: "manual" });
  }

  const app = new Hono();
  app.get("/", (c) => page(c, html`<p><a id="sign-in" href="/by-hand/login">Connect the remote app, by hand</a></p>`));

  // 2. Send the person there. What must be known when they come back travels in a cookie that only we can read.
  app.get("/login", async (c) => {
    const { url: target, state, code_verifier } = await authorizationUrl({ metadata, client_id, redirect_uri, scope });
    const pending = await encryptText(await pendingKey, JSON.stringify({ state, code_verifier }));
    setCookie(c, "pending", pending, { ...cookie, maxAge: 600 });
    return c.redirect(target.href, 303);
  });

  // 3. They come back: with a code, or with the reason why not.
  app.get("/callback", async (c) => {
    const pending = await readPending(c);
    if (pending === undefined) return page(c, html`<p id="what">This browser did not start that.</p>${again}`, 400);
    const { state, code_verifier } = pending;
    deleteCookie(c, "pending", cookie);
    let code: string;
    try {
      ({ code } = checkCallback(new URL(c.req.url), { metadata, state, iss: "if_sent" }));
    } catch (error) {
      if (!isClientError(error)) throw error;
      const reason = html`<p id="reason">reason=${error.error ?? error.code} error=${error.error_description ?? "-"}</p>`;
      const what = error.code === "access_denied" ? "Access denied" : error.what;
      return page(c, html`<h2 id="what">${what}</h2>${reason}${again}`, error.status);
    }

    // 4. Exchange the code and store what it gives, under a fresh name that only this browser knows.
    const tokens = await exchangeCode({ metadata, client, code, code_verifier, redirect_uri });
    const former = getCookie(c, "session");
    if (former !== undefined) await (await storage).remove(former);
    const session = randomToken(32);
    await (await storage).set(session, tokens);
    setCookie(c, "session", session, { ...cookie, maxAge: 7 * 24 * 3600 });
    return c.redirect("/by-hand/me", 303);
  });

  app.get("/me", async (c) => {
    const session = getCookie(c, "session");
    const answer = session === undefined ? undefined : await request(session, remote.me);
    if (answer === undefined) return c.redirect("/by-hand", 303);
    const body = await answer.text();
    return page(
      c,
      html`<h2>It answered ${answer.status}</h2><pre id="answer" tabindex="0">${body}</pre>
      <form method="post" action="/by-hand/forget"><button id="forget">Forget the token</button></form>`,
    );
  });

  app.post("/forget", async (c) => {
    // SameSite=Lax keeps the cookie out of forms on other sites.
    const session = getCookie(c, "session");
    if (session !== undefined) await (await storage).remove(session);
    deleteCookie(c, "session", cookie);
    return c.redirect("/by-hand", 303);
  });

  async function readPending(c: Context): Promise<{ state: string; code_verifier: string } | undefined> {
    const sealed = getCookie(c, "pending");
    if (sealed === undefined) return undefined;
    // Damaged, or from before the secret was changed: as good as none.
    return decryptText(await pendingKey, sealed).then(JSON.parse, () => undefined);
  }
  return app;
}

const again = html`<p><a href="/by-hand/login">Start again</a></p>`;
