/**
 * An application that several processes share: the same store, the same secret, one provider.
 */
import { createServer, type Server } from "node:http";
import { createOAuth, type OAuth, oauth2, oidc } from "@valetkey/client";
import { valetkey } from "@valetkey/client/node";
import type { OidcOptions } from "@valetkey/client/oidc";
import type { OpenStore, Store } from "@valetkey/store";
import { postgresStore } from "@valetkey/store/postgres";
import { sqliteStore } from "@valetkey/store/sqlite";

/** What every process has to know. */
export interface Shared {
  /** `postgres://…` or the path of an SQLite file. */
  readonly database: string;
  readonly secret: string;
  readonly baseUrl: string;
  readonly issuer: string;
  /** Credentials; with the issuer of `strict-issuer.ts` it is plain OAuth 2. */
  readonly client: { readonly client_id: string; readonly client_secret?: string };
  readonly kind: "oidc" | "oauth2";
  /** What else to say about an OpenID Connect issuer. */
  readonly options?: Partial<OidcOptions>;
}

export const openStore = ({ database }: Shared): Promise<OpenStore> =>
  database.startsWith("postgres:") ? postgresStore({ url: database, connections: 4 }) : sqliteStore({ file: database });

export function makeApp(
  { kind, issuer, client, options, secret, baseUrl }: Shared,
  store: Store,
  fetch = globalThis.fetch,
): OAuth {
  const provider =
    kind === "oidc"
      ? oidc("acme", { issuer, ...client, scope: "openid offline_access", ...options })
      : oauth2("acme", {
          issuer,
          ...client,
          authorization_endpoint: `${issuer}/authorize`,
          token_endpoint: `${issuer}/token`,
          profile: async () => ({ id: "alice", claims: {} }),
        });
  return createOAuth({ providers: [provider], secret, baseUrl, store, fetch });
}

/** Serves the sign-in at the application's own address. */
export async function serveApp(oauth: OAuth, port: number): Promise<Server> {
  const server = createServer((req, res) => valetkey(oauth)(req, res, () => res.end("in")));
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return server;
}
