/**
 * better-auth with its OAuth provider, on node:http and node:sqlite, every answered write on disk.
 *
 * Arguments: the file, and the algorithm of its one key. Throttles are off; sessions are looked up in the database, as by default.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { DatabaseSync } from "node:sqlite";
import { oauthProvider } from "@better-auth/oauth-provider";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { jwt } from "better-auth/plugins/jwt";
import { audiences, type CastClient, person, redirect_uri } from "../cast.ts";
import { ready } from "../target.ts";

const [file = "", alg = "ES256"] = process.argv.slice(2) as [string?, ("ES256" | "RS256")?];
const database = new DatabaseSync(file);
database.exec("pragma journal_mode = wal; pragma synchronous = full;");

const optionsFor = (port: number) => ({
  baseURL: `http://localhost:${port}`,
  secret: "kept-by-nobody-0123456789-abcdefghijklmnopqrstuvwxyz",
  database,
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  disabledPaths: ["/token"],
  plugins: [
    jwt({ jwks: { keyPairConfig: { alg } } }),
    oauthProvider({
      loginPage: "/sign-in",
      consentPage: "/consent",
      scopes: ["openid", "profile", "email", "offline_access", "read", "see"],
      resources: [{ identifier: audiences.signed, allowedScopes: ["see"] }],
      enforcePerClientResources: false,
      clientPrivileges: () => true,
      accessTokenExpiresIn: 900,
      m2mAccessTokenExpiresIn: 900,
      idTokenExpiresIn: 3600,
      codeExpiresIn: 60,
      silenceWarnings: { oauthAuthServerConfig: true, openidConfig: true },
    }),
  ],
});

const server = createServer().listen(0, "127.0.0.1", async () => {
  const { port } = server.address() as AddressInfo;
  const options = optionsFor(port);
  const { runMigrations } = await getMigrations(options);
  await runMigrations();
  const auth = betterAuth(options);
  // It chooses names and secrets of clients itself, and keeps only digests: from the first start on they are beside the database.
  const names = `${file}.clients.json`;
  if (!existsSync(names)) writeFileSync(names, JSON.stringify(await register(auth)));
  const { machine, client } = JSON.parse(readFileSync(names, "utf8")) as Awaited<ReturnType<typeof register>>;

  server.on("request", toNodeHandler(auth));
  ready({
    port,
    able:
      alg === "ES256"
        ? ["token", "token-signed", "introspect", "code-ES256", "refresh", "userinfo", "flow"]
        : ["code-RS256"],
    paths: {
      token: "/api/auth/oauth2/token",
      introspect: "/api/auth/oauth2/introspect",
      authorize: "/api/auth/oauth2/authorize",
      userinfo: "/api/auth/oauth2/userinfo",
    },
    clients: { machine, ES256: client, RS256: client },
    signIn: { path: "/api/auth/sign-in/email", json: { email: person.email, password: person.password } },
    opaque: { scope: "read" },
    signed: { resource: audiences.signed, scope: "see" },
    started: performance.now(),
  });
});

/** Signs the person up, who then registers the clients. */
async function register(auth: ReturnType<typeof betterAuth<ReturnType<typeof optionsFor>>>) {
  const signedUp = await auth.api.signUpEmail({ body: person, returnHeaders: true });
  const cookies = signedUp.headers.getSetCookie().map((line) => line.split(";", 1)[0]);
  const headers = new Headers({ cookie: cookies.join("; ") });
  const add = async (body: Record<string, unknown>): Promise<CastClient> => {
    const made = await auth.api.adminCreateOAuthClient({ body: body as never, headers });
    return { client_id: made.client_id, client_secret: String(made.client_secret) };
  };
  const machine = await add({
    redirect_uris: [redirect_uri],
    grant_types: ["client_credentials"],
    client_credentials_scopes: ["read", "see"],
  });
  const client = await add({
    redirect_uris: [redirect_uri],
    grant_types: ["authorization_code", "refresh_token"],
    scope: "openid profile email offline_access",
    skip_consent: true,
  });
  return { machine, client };
}
