/** The same mistakes at a provider written by others (`oidc-provider`): what it really answers is explained too. */
import { oidc } from "@valetkey/client";
import type { OidcOptions } from "@valetkey/client/oidc";
import type { Diagnosis } from "./diagnosis-stage.ts";
import { type Row, signIn } from "./diagnosis-stage.ts";
import { type ForeignProvider, startForeignProvider } from "./foreign-provider.ts";
import { freePort } from "./server.ts";

const secret = "the secret at the foreign provider";
const registered = (redirect_uri: string, more: object = {}) => ({
  client_id: "foreign-app",
  client_secret: secret,
  redirect_uris: [redirect_uri],
  ...more,
});

interface Seed {
  readonly provider?: Partial<OidcOptions>;
  readonly client?: object;
  /** Registered instead of the callback. */
  readonly redirect_uri?: string;
  readonly issuer?: (url: string) => string;
}

/** Signs in at the foreign provider. The application's address is known before it starts: it has a name of its own. */
async function abroad({ provider, client, redirect_uri, issuer = (url) => url }: Seed): Promise<Diagnosis> {
  const app = `http://localhost:${await freePort()}`;
  const callback = redirect_uri ?? `${app}/auth/callback/acme`;
  const foreign: ForeignProvider = await startForeignProvider([registered(callback, client)]);
  try {
    const acme = oidc("acme", {
      issuer: issuer(foreign.issuer),
      client_id: "foreign-app",
      client_secret: secret,
      scope: "openid",
      ...provider,
    });
    const said = await signIn({
      drive: async ({ browser, instance }) => {
        const port = await instance({ providers: [acme], baseUrl: app });
        return browser.at({ [app]: port }).open(`${app}/me`);
      },
    });
    return { ...said, secrets: [...said.secrets, secret] };
  } finally {
    await foreign[Symbol.asyncDispose]();
  }
}

const row = (title: string, code: string, seed: Seed, ...log: readonly RegExp[]): Row => ({
  title: `oidc-provider: ${title}`,
  code,
  log,
  seed: () => abroad(seed),
});

export const foreignRows: readonly Row[] = [
  row("nothing is wrong", "none", {}, /foreign-subject-1/),
  row(
    "the client secret is another one",
    "token_refused",
    { provider: { client_secret: "something else" } },
    /answered 401 invalid_client.* to the client foreign-app with client_secret_basic/,
    /Compare client_id foreign-app/,
  ),
  row(
    "registered for client_secret_jwt, used with basic",
    "token_refused",
    { client: { token_endpoint_auth_method: "client_secret_jwt" } },
    /invalid_client/,
    /registered token_endpoint_auth_method with client_secret_basic/,
  ),
  row(
    "ID tokens are signed in another way than configured",
    "id_token_invalid",
    { client: { id_token_signed_response_alg: "ES256" } },
    /alg is ES256, expected RS256/,
    /id_token_signed_response_alg: "ES256"/,
  ),
  row(
    "the issuer with a slash at the end",
    "metadata_invalid",
    { issuer: (url) => `${url}/` },
    /slash at the end only/,
  ),
  row(
    "the issuer with a path it has not",
    "metadata_invalid",
    { issuer: (url) => `${url}/realms/x` },
    /are 404/,
    /realm/,
  ),
  row(
    "prompt none, and nobody is signed in",
    "authorization_refused",
    { provider: { prompt: "none" } },
    /login_required/,
    /prompt: "none"/,
  ),
  row(
    "the redirect URI is not registered: it says so on its own page",
    "none",
    { redirect_uri: "http://localhost:1/somewhere/else" },
    /redirect_uri/,
  ),
];
