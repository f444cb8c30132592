/**
 * What the four apps share: who signs people in. ACME_ISSUER names the provider, ACME_CLIENT_ID and ACME_CLIENT_SECRET what it
 * has given this app; PORT is where the app listens. Register `http://localhost:<PORT>/auth/callback/acme` there.
 */
import { createOAuth, type OAuth } from "@valetkey/client";
import { oidc } from "@valetkey/client/oidc";
import { memoryStore } from "@valetkey/store/memory";

export const port = Number(process.env.PORT ?? 4002);
export const issuer = process.env.ACME_ISSUER ?? "http://localhost:4000";

/** An API that wants the person's access token; every OpenID provider has this one. */
export const api = `${issuer}/userinfo`;

/** Sessions are in memory here; give several processes a store they share. */
export const oauth: OAuth = createOAuth({
  providers: [oidc("acme", { issuer, scope: "openid profile email offline_access" })],
  baseUrl: `http://localhost:${port}`,
  store: memoryStore(),
  secret: process.env.VALETKEY_SECRET ?? crypto.randomUUID(),
});

/** Told on the terminal, and to whoever started the app. */
export const ready = (): void => console.log(`ready http://localhost:${port}`);
