/**
 * Who signs people in. ACME_ISSUER names the provider, ACME_CLIENT_ID and ACME_CLIENT_SECRET what it has given this app; PORT is
 * where the app listens. Register `http://localhost:<PORT>/auth/callback/acme` there.
 */
import { createOAuth, type OAuth } from "@valetkey/client";
import { valetkey } from "@valetkey/client/next";
import { oidc } from "@valetkey/client/oidc";
import { memoryStore } from "@valetkey/store/memory";
import { headers } from "next/headers";
import { redirect } from "next/navigation";

const issuer = process.env.ACME_ISSUER ?? "http://localhost:4000";

/** An API that wants the person's access token; every OpenID provider has this one. */
export const api = `${issuer}/userinfo`;

/** Sessions are in memory here; give several processes a store they share. */
const open = (): OAuth =>
  createOAuth({
    providers: [oidc("acme", { issuer, scope: "openid profile email offline_access" })],
    baseUrl: `http://localhost:${process.env.PORT ?? 3000}`,
    store: memoryStore(),
    secret: process.env.VALETKEY_SECRET ?? crypto.randomUUID(),
  });

// Next runs this module three times in one process: for pages, for route handlers, for proxy.ts. All have to know the same
// sessions, which are in memory.
const once = globalThis as { oauth?: OAuth };
const shared = (): OAuth => {
  once.oauth ??= open();
  return once.oauth;
};

export const { GET, POST, auth, requireUser, protect, guard } = valetkey(shared, { headers, redirect });
