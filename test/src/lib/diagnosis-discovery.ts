/** The issuer is not what or where the configuration says: discovery, names, network, keys. */

import { startSelfSigned } from "./diagnosis-self-signed.ts";
import { type Mistake, type Row, row, signIn } from "./diagnosis-stage.ts";
import { freePort } from "./server.ts";

const invalid = (title: string, mistake: Mistake, ...log: readonly RegExp[]): Row =>
  row(title, "metadata_invalid", mistake, log, [/cannot be used/, /tell whoever runs the application/]);

const unavailable = (title: string, mistake: Mistake, ...log: readonly RegExp[]): Row =>
  row(title, "issuer_unavailable", mistake, log, [/does not answer at the moment/, /Wait a moment/]);

/** An issuer elsewhere than the one that runs. */
const at = (issuer: string): Mistake => ({ provider: { issuer } });
const impatient: typeof fetch = (url, init) => fetch(url, { ...init, signal: AbortSignal.timeout(50) });

export const discoveryRows: readonly Row[] = [
  invalid(
    "the issuer calls itself with a slash at the end",
    { faults: { discovery: (good) => ({ ...good, issuer: `${good.issuer}/` }) } },
    /expected http:\/\/127\.0\.0\.1:\d+, got http:\/\/127\.0\.0\.1:\d+\//,
    /differ in the slash at the end only: write issuer: "http:\/\/127\.0\.0\.1:\d+\/"/,
  ),
  invalid(
    "the issuer has a realm in its path",
    { faults: { discovery: (good) => ({ ...good, issuer: `${good.issuer}/realms/main` }) } },
    /differ in the path \(realm, tenant, version\).*write issuer: "http:[^"]*\/realms\/main"/,
  ),
  invalid(
    "the issuer believes in https, and is configured by http",
    { faults: { discovery: (good) => ({ ...good, issuer: String(good.issuer).replace("http:", "https:") }) } },
    /differ in the scheme \(https, not http\)/,
    /proxy that ends TLS/,
  ),
  invalid(
    "the issuer is spelled in upper case",
    { faults: { discovery: (good) => ({ ...good, issuer: String(good.issuer).toUpperCase() }) } },
    /upper and lower case only/,
  ),
  invalid(
    "the document is another issuer's",
    { faults: { discovery: (good) => ({ ...good, issuer: "https://evil.example" }) } },
    /got https:\/\/evil\.example/,
    /on different hosts/,
  ),
  invalid(
    "one document for many tenants",
    { faults: { discovery: (good) => ({ ...good, issuer: "https://login.example/{tenantid}/v2.0" }) } },
    /issuer_template: "https:\/\/login\.example\/\{tenantid\}\/v2\.0"/,
  ),
  invalid(
    "the document names no issuer",
    { faults: { discovery: ({ issuer: _, ...good }) => good } },
    /got undefined/,
    /not a discovery document/,
  ),
  invalid(
    "discovery is 404",
    { faults: { discovery: () => ({ status: 404 }) } },
    /openid-configuration and http:[^ ]*oauth-authorization-server are 404/,
    /realm, tenant or version/,
    /oauth2\(\)/,
  ),
  invalid(
    "discovery is a web page",
    { faults: { discovery: () => ({ status: 200, type: "text/html", text: "<!doctype html><h1>Welcome" }) } },
    /answered 200 with a web page \(text\/html\), expected a JSON object/,
    /login page|captive portal/,
  ),
  invalid(
    "discovery is behind a redirect",
    {
      faults: {
        discovery: () => ({ status: 301, location: "https://www.id.example/.well-known/openid-configuration" }),
      },
    },
    /a redirect to https:\/\/www\.id\.example\/\.well-known/,
    /Write the final address/,
  ),
  invalid(
    "discovery is behind a login",
    { faults: { discovery: () => ({ status: 403, type: "text/html", text: "<h1>Forbidden" }) } },
    /answered 403 with a web page/,
    /firewall/,
  ),
  invalid(
    "discovery is larger than a document should be",
    { faults: { discovery: (good) => ({ ...good, more: "x".repeat(70_000) }) } },
    /cannot be read: .*(large|65536|bytes)/,
  ),
  invalid(
    "the document lacks the token endpoint",
    { faults: { discovery: ({ token_endpoint: _, ...good }) => good } },
    /token_endpoint of http:[^ ]* must be an https URL, got nothing/,
    /metadata: \{ token_endpoint:/,
  ),
  invalid(
    "an endpoint is by http off loopback",
    { faults: { discovery: (good) => ({ ...good, token_endpoint: "http://id.example/token" }) } },
    /got http:\/\/id\.example\/token/,
    /tell it its public https address/,
  ),
  row(
    "PKCE is not announced",
    "pkce_unsupported",
    { faults: { discovery: ({ code_challenge_methods_supported: _, ...good }) => good } },
    [/announces no code_challenge_methods_supported, expected S256/, /metadata: \{ code_challenge_methods_supported/],
    [/does not announce PKCE/],
  ),
  row(
    "PKCE is announced as plain only",
    "pkce_unsupported",
    { faults: { discovery: (good) => ({ ...good, code_challenge_methods_supported: ["plain"] }) } },
    [/announces only plain, expected S256/],
  ),
  unavailable("the issuer's port is one fetch refuses", at("http://127.0.0.1:1"), /bad port/, /another port/),
  {
    title: "nothing listens at the issuer's port",
    code: "issuer_unavailable",
    log: [/refused.*ECONNREFUSED/, /container localhost is the container itself/],
    page: [/does not answer at the moment/],
    seed: async () => signIn(at(`http://127.0.0.1:${await freePort()}`)),
  },
  unavailable(
    "the issuer's host does not exist",
    at(`https://${"x".repeat(64)}.invalid`),
    /host name is not known \(DNS\).*ENOTFOUND/,
    /Compare the host in the issuer/,
  ),
  {
    title: "the issuer's certificate is self-signed",
    code: "issuer_unavailable",
    log: [
      /certificate is self-signed.*DEPTH_ZERO_SELF_SIGNED_CERT/,
      /NODE_EXTRA_CA_CERTS/,
      /Do not switch the check off/,
    ],
    seed: async () => {
      await using tls = await startSelfSigned();
      return await signIn(at(tls.url));
    },
  },
  {
    title: "an https issuer at a port that speaks http",
    code: "issuer_unavailable",
    log: [/does not speak TLS/, /https port/],
    seed: () =>
      signIn({
        drive: async ({ issuer, instance, browser, app }) => {
          const { oidc } = await import("@valetkey/client");
          const url = issuer.url.replace("http:", "https:");
          const port = await instance({
            providers: [oidc("acme", { issuer: url, client_id: "app", client_secret: "s" })],
          });
          return browser.at({ [app]: port }).open(`${app}/me`);
        },
      }),
  },
  unavailable(
    "the issuer does not answer in time",
    { faults: { discovery: () => "hang" }, options: { fetch: impatient } },
    /no answer in time \(TimeoutError\)/,
    /firewall or proxy/,
  ),
  unavailable(
    "the issuer has trouble",
    { faults: { discovery: () => ({ status: 502 }) } },
    /openid-configuration answered 502/,
    /see its log/,
  ),
  unavailable(
    "the issuer has had enough of requests",
    { faults: { token: () => ({ status: 429 }) } },
    /token answered 429/,
  ),
  {
    title: "jwks_uri leads nowhere",
    code: "issuer_unavailable",
    log: [/keys at http:\/\/127\.0\.0\.1:\d+\/jwks cannot be had: .*ECONNREFUSED/],
    seed: async () => {
      const jwks_uri = `http://127.0.0.1:${await freePort()}/jwks`;
      return signIn({ faults: { discovery: (good) => ({ ...good, jwks_uri }) } });
    },
  },
  unavailable(
    "jwks_uri is 404",
    { faults: { jwks: () => ({ status: 404 }) } },
    /keys at http:[^ ]*\/jwks cannot be had: .*(404|JSON)/,
  ),
];
