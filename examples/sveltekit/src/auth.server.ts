/**
 * Who signs people in. ACME_ISSUER names the provider, ACME_CLIENT_ID and ACME_CLIENT_SECRET what it has given this app; PORT is
 * where the app listens. Register `http://localhost:<PORT>/auth/callback/acme` there.
 */
import { error, redirect } from "@sveltejs/kit";
import { createOAuth } from "@valetkey/client";
import { oidc } from "@valetkey/client/oidc";
import { valetkey } from "@valetkey/client/sveltekit";
import { memoryStore } from "@valetkey/store/memory";
import { building } from "$app/env";

const issuer = process.env.ACME_ISSUER ?? "http://localhost:4000";

/** An API that wants the person's access token; every OpenID provider has this one. */
export const api = `${issuer}/userinfo`;

/** Sessions are in memory here; give several processes a store they share. */
export const { handle, checkForms, requireUser } = valetkey(
  () =>
    createOAuth({
      providers: [oidc("acme", { issuer, scope: "openid profile email offline_access" })],
      baseUrl: `http://localhost:${process.env.PORT ?? 3000}`,
      store: memoryStore(),
      secret: process.env.VALETKEY_SECRET ?? crypto.randomUUID(),
    }),
  { redirect, error, building },
);
