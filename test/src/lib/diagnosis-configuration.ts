/** Misconfigurations that are found before anybody signs in: the application does not start, and says why. */
import { createOAuth, oauth2, oidc } from "@valetkey/client";
import { github } from "@valetkey/client/providers";
import { memoryStore } from "@valetkey/store/memory";
import { appSecret, configured, type Row, signIn } from "./diagnosis-stage.ts";

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const acme = () => oidc("acme", { issuer: "https://id.example", client_id: "app", client_secret: "s" });
const app = (options: object) =>
  createOAuth({
    providers: [acme()],
    baseUrl: "https://app.example",
    secret: appSecret,
    store: memoryStore(),
    log: quiet,
    ...options,
  });

const row = (title: string, make: () => unknown, ...log: readonly RegExp[]): Row => ({
  title,
  code: "configuration_invalid",
  log,
  seed: () => configured(make, [appSecret]),
});

/** With variables of the environment set, and taken away again. */
function withEnvironment<T>(variables: Readonly<Record<string, string>>, run: () => T): T {
  Object.assign(process.env, variables);
  try {
    return run();
  } finally {
    for (const name of Object.keys(variables)) delete process.env[name];
  }
}

const plain = (options: object) => () => oidc("acme", { issuer: "https://id.example", ...options });
const service = {
  authorization_endpoint: "https://forge.example/authorize",
  token_endpoint: "https://forge.example/token",
};

export const configurationRows: readonly Row[] = [
  row(
    "baseUrl with a path",
    () => app({ baseUrl: "https://app.example/shop" }),
    /got https:\/\/app\.example\/shop/,
    /write https:\/\/app\.example; .*path: "\/shop\/auth"/,
  ),
  row(
    "baseUrl by http off loopback",
    () => app({ baseUrl: "http://app.example" }),
    /got http:\/\/app\.example/,
    /proxy that ends TLS.*https:\/\/app\.example/,
  ),
  row(
    "baseUrl without scheme",
    () => app({ baseUrl: "app.example" }),
    /got app\.example/,
    /with the scheme, https:\/\/app\.example/,
  ),
  row(
    "VALETKEY_BASE_URL with a path names the variable",
    () => withEnvironment({ VALETKEY_BASE_URL: "https://app.example/x" }, () => app({ baseUrl: undefined })),
    /VALETKEY_BASE_URL must be an https origin/,
    /write https:\/\/app\.example;/,
  ),
  row("no secret", () => app({ secret: undefined }), /secret is missing/, /VALETKEY_SECRET to at least 32/),
  row(
    "a secret that is too short",
    () => app({ secret: ["x".repeat(40), "short"] }),
    /number 2 of 2 has 5/,
    /openssl rand -base64 32/,
  ),
  row("no store off loopback", () => app({ store: undefined }), /store is missing/, /sqliteStore\(\{ file/),
  row("no providers", () => app({ providers: [] }), /providers must name at least one/),
  row(
    "two providers of one name",
    () => app({ providers: [acme(), acme()] }),
    /two providers named acme/,
    /another name/,
  ),
  row(
    "a provider's name in upper case",
    () => oidc("Acme Corp", { issuer: "https://id.example" }),
    /lower-case letters/,
    /write "acme-corp"/,
  ),
  row(
    "no client_id in the environment",
    () => app({ providers: [plain({})()] }),
    /has no client_id/,
    /set ACME_CLIENT_ID/,
  ),
  row(
    "no client_secret in the environment",
    () => app({ providers: [plain({ client_id: "app" })()] }),
    /has no client_secret/,
    /set ACME_CLIENT_SECRET/,
    /token_endpoint_auth_method: "none"/,
  ),
  row(
    "a client secret with the line break of its file",
    () => app({ providers: [plain({ client_id: "app", client_secret: "abc\n" })()] }),
    /client_secret has a line break/,
    /\.trim\(\)/,
  ),
  row(
    "a client secret from the environment, with a line break",
    () =>
      withEnvironment({ ACME_CLIENT_ID: "app", ACME_CLIENT_SECRET: "abc\r\n" }, () =>
        app({ providers: [plain({})()] }),
      ),
    /client_secret has a line break/,
  ),
  row(
    "a client id made of a variable that is not set",
    () => app({ providers: [plain({ client_id: `${undefined}`, client_secret: "s" })()] }),
    /the text "undefined"/,
    /variable .* is not set/,
  ),
  row(
    "a client secret with a character of typography",
    () => app({ providers: [plain({ client_id: "app", client_secret: "a\u2013b" })()] }),
    /no printable ASCII/,
    /copy it again/,
  ),
  row("clientId instead of client_id", () => plain({ clientId: "app" })(), /no option clientId/, /write client_id/),
  row("scopes as a list", () => plain({ scopes: ["openid"] })(), /no option scopes/, /scope: "openid email"/),
  row(
    "redirect_uri as an option",
    () => plain({ redirect_uri: "https://app.example/cb" })(),
    /no option redirect_uri/,
    /baseUrl .*\/auth\/callback\//,
  ),
  row(
    "scope without openid",
    () => plain({ scope: "profile" })(),
    /must contain openid, got "profile"/,
    /write "openid profile"/,
    /oauth2\(\)/,
  ),
  row(
    "an issuer with its discovery path",
    () => plain({ issuer: "https://id.example/realms/a/.well-known/openid-configuration" })(),
    /without \/\.well-known/,
    /write https:\/\/id\.example\/realms\/a\b/,
  ),
  row(
    "an issuer by http off loopback",
    () => plain({ issuer: "http://id.example" })(),
    /must be an https URL.*got http:\/\/id\.example/,
    /write https:\/\/id\.example/,
  ),
  row(
    "an issuer without scheme",
    () => plain({ issuer: "id.example/realms/a" })(),
    /got id\.example/,
    /https:\/\/id\.example\/realms\/a/,
  ),
  row(
    "an algorithm that is signed with the secret",
    () => plain({ id_token_signed_response_alg: "HS256" })(),
    /must be one of RS256/,
    /got HS256/,
  ),
  row(
    "the hybrid flow without form_post",
    () => plain({ response_type: "code id_token" })(),
    /needs response_mode: "form_post"/,
  ),
  row(
    "an endpoint by http",
    () =>
      oauth2("forge", {
        ...service,
        token_endpoint: "http://forge.example/token",
        profile: async () => ({ id: "1", claims: {} }),
      }),
    /token_endpoint must be an https URL/,
    /got http:\/\/forge/,
  ),
  row(
    "an API prefix by http",
    () => plain({ resource: ["http://api.example"] })(),
    /resource must be https/,
    /got http:\/\/api\.example/,
  ),
  row("a path without slash", () => app({ path: "auth" }), /path must be like \/auth, got auth/),
  row(
    "a clock tolerance in milliseconds",
    () => app({ clockTolerance: 30_000 }),
    /clockTolerance must be 0 to 60 seconds/,
  ),
  row(
    "a preset without credentials",
    () => app({ providers: [github()] }),
    /github.*has no client_id/,
    /set GITHUB_CLIENT_ID/,
  ),
  {
    title: "no baseUrl, and people come by a public name",
    code: "base_url_missing",
    log: [/came for app\.example/, /baseUrl: "https:\/\/app\.example"/, /VALETKEY_BASE_URL/],
    page: [/does not know its own address/],
    seed: () => signIn({ origin: "https://app.example", start: "/auth/login" }),
  },
];
