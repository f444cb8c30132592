/**
 * The example app: sign in, see who you are, call a protected API with an access token that refreshes itself, sign out.
 */
import { createAdaptorServer } from "@hono/node-server";
import { createOAuth } from "@valetkey/client";
import { requireUser, valetkey } from "@valetkey/client/hono";
import { oidc } from "@valetkey/client/oidc";
import { protectResource } from "@valetkey/resource/hono";
import { memoryStore } from "@valetkey/store/memory";
import { Hono } from "hono";
import { page } from "./page.ts";

export interface AppOptions {
  readonly url: string;
  readonly port: number;
  readonly issuer: string;
  readonly client_secret: string;
  /** Encrypts what the app keeps of its sessions. */
  readonly secret: string;
}

/** Starts the app; resolves when it accepts requests. */
export async function startApp({
  url,
  port,
  issuer,
  client_secret,
  secret,
}: AppOptions): Promise<{ close(): Promise<void> }> {
  const api = `${url}/api`;
  const oauth = createOAuth({
    baseUrl: url,
    store: memoryStore(),
    secret,
    providers: [
      oidc("valetkey", {
        issuer,
        client_id: "example-app",
        client_secret,
        scope: "openid profile email offline_access",
        resource: [api],
        // As registered: signing with ES256 costs the server a tenth of what RS256 does.
        id_token_signed_response_alg: "ES256",
      }),
    ],
  });
  const { requireOAuth } = protectResource({ issuer, audience: api });

  // The API: knows nothing of sessions, only of access tokens made out to it.
  const protectedApi = new Hono().get("/profile", requireOAuth("profile"), ({ json, var: { token } }) =>
    json({ message: "You are allowed in.", sub: token.sub, scope: token.scope, exp: token.exp }),
  );

  // The pages.
  const app = new Hono().route("/api", protectedApi).use(valetkey(oauth));
  app.get("/", (c) => page(c.var.auth?.user));
  app.get("/call", requireUser(), async (c) => {
    const response = await c.var.auth.fetch("valetkey", `${api}/profile`);
    return page(c.var.auth.user, { status: response.status, body: JSON.stringify(await response.json(), null, 2) });
  });

  const server = createAdaptorServer({ fetch: app.fetch });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "localhost", resolve);
  });
  return { close: () => new Promise((resolve) => server.close(() => resolve())) };
}
