/**
 * Clients that prove who they are by the certificate of their connection, and tokens bound to it: our client against
 * `oidc-provider` behind a real TLS server, with certificates made for the occasion.
 *
 * RFC 8705 §2.1 (`tls_client_auth`), §2.2 (`self_signed_tls_client_auth`), §3 (bound tokens), §4 (clients with another way to
 * authenticate, or none) and §5 (`mtls_endpoint_aliases`).
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { resolve } from "node:path";
import { after, before, describe, it, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { inspect } from "node:util";
import type { ClientAuthentication } from "@valetkey/client/client-authentication";
import { mtlsEndpoints } from "@valetkey/client/client-authentication";
import { clientCredentials } from "@valetkey/client/client-credentials";
import { createOAuth, oidc } from "@valetkey/client/create-oauth";
import { discover } from "@valetkey/client/discover";
import { introspectToken } from "@valetkey/client/introspect";
import { valetkey } from "@valetkey/client/node";
import type { ServerMetadata } from "@valetkey/protocol/metadata";
import { memoryStore } from "@valetkey/store/memory";
import { createBrowser } from "./lib/browser.ts";
import { certificateFetch } from "./lib/certificate-fetch.ts";
import {
  type Certificates,
  certificateThumbprint,
  jwkOfCertificate,
  makeCertificates,
  skip,
} from "./lib/certificates.ts";
import { type ForeignProvider, foreigner, startForeignProvider } from "./lib/foreign-provider.ts";
import { is } from "./lib/grant-clients.ts";
import { freePort } from "./lib/server.ts";

const names = { signed: ["machine", "other machine"], self: ["web", "other"] } as const;
type Name = (typeof names)["signed" | "self"][number];
const client_secret = "a-secret-of-the-application-0123456789";
/** Seconds an access token lives. */
const lifetime = 2;

describe("our client with a certificate", { skip }, () => {
  let made: Certificates<Name>;
  let provider: ForeignProvider;
  let metadata: ServerMetadata;
  let origin: string;
  before(async () => {
    made = await makeCertificates(names);
    origin = `http://127.0.0.1:${await freePort()}`;
    const alone = { redirect_uris: [], response_types: [], grant_types: ["client_credentials"] };
    const bound = { tls_client_certificate_bound_access_tokens: true };
    provider = await startForeignProvider(
      [
        {
          ...alone,
          ...bound,
          client_id: "machine",
          token_endpoint_auth_method: "tls_client_auth",
          tls_client_auth_subject_dn: "CN=machine",
        },
        { ...alone, ...bound, client_id: "basic", client_secret, token_endpoint_auth_method: "client_secret_basic" },
        {
          ...bound,
          client_id: "web",
          token_endpoint_auth_method: "self_signed_tls_client_auth",
          jwks: { keys: [jwkOfCertificate(made.clients.web)] },
          redirect_uris: [`${origin}/auth/callback/acme`],
          grant_types: ["authorization_code", "refresh_token"],
        },
      ],
      {
        tls: { ...made.server, ca: made.ca },
        ttl: {
          AccessToken: lifetime,
          AuthorizationCode: 60,
          ClientCredentials: 60,
          IdToken: 60,
          RefreshToken: 60,
          Interaction: 60,
          Session: 60,
          Grant: 60,
        },
      },
    );
    metadata = await discover(provider.issuer);
  });
  after(() => provider?.[Symbol.asyncDispose]());

  const fetchWith = (name: Name) => certificateFetch({ ...made.clients[name], ca: made.ca });
  /** TLS, but no certificate of ours. */
  const fetchWithout = () => certificateFetch({ key: "", cert: "", ca: made.ca });
  const machine: ClientAuthentication = { client_id: "machine", token_endpoint_auth_method: "tls_client_auth" };

  it("tls_client_auth: the connection says who it is, at the endpoints made for that, and the token is bound to it (§2.1, §3.1, §5)", async () => {
    const options = { metadata, client: machine, fetch: fetchWith("machine") };
    const { access_token } = await clientCredentials(options);
    const about = await introspectToken({ ...options, token: access_token });
    assert.equal(about.client_id, "machine");
    assert.deepEqual(about.cnf, { "x5t#S256": certificateThumbprint(made.clients.machine) });
    assert.deepEqual(provider.withCertificate.slice(-2), [
      { request: "POST /token", subject: "CN=machine" },
      { request: "POST /token/introspection", subject: "CN=machine" },
    ]);
    assert.equal(provider.requests.includes("POST /token"), false);
  });

  it("no certificate, another one of the same authority, or one with the right name that it did not sign: refused (§2.1)", async () => {
    const namesake = await makeCertificates({ signed: ["machine"], self: [] });
    const impostor = certificateFetch({ ...namesake.clients.machine, ca: made.ca });
    for (const fetch of [fetchWithout(), fetchWith("other machine"), impostor]) {
      await assert.rejects(
        clientCredentials({ metadata, client: machine, fetch }),
        is("token_refused", "invalid_client"),
      );
    }
  });

  it("an issuer whose own certificate is not to be believed gets no request", async () => {
    const count = provider.withCertificate.length;
    const fetch = certificateFetch(made.clients.machine);
    const error = await clientCredentials({ metadata, client: machine, fetch }).catch((e: unknown) => e);
    assert.ok(is("issuer_unavailable")(error));
    assert.match(inspect(error, { depth: 5 }), /UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN/);
    assert.equal(provider.withCertificate.length, count);
  });

  it("who proves itself in another way asks at the same endpoints for tokens bound to its certificate (§4)", async () => {
    const client = { client_id: "basic", client_secret, token_endpoint_auth_method: "client_secret_basic" } as const;
    const options = { metadata: mtlsEndpoints(metadata), client, fetch: fetchWith("other") };
    const { access_token } = await clientCredentials(options);
    const { cnf } = await introspectToken({ ...options, token: access_token });
    assert.deepEqual(cnf, { "x5t#S256": certificateThumbprint(made.clients.other) });
    // Where no certificate can be seen none can be bound to.
    await assert.rejects(clientCredentials({ metadata, client }), is("token_refused"));
  });

  it("a whole sign-in with createOAuth: userinfo, API and refresh with the certificate; a stolen token is of no use (§2.2, §3)", async () => {
    const stolen: string[] = [];
    const oauthWith = (fetch: typeof globalThis.fetch) =>
      createOAuth({
        baseUrl: origin,
        secret: "the-secret-that-seals-what-the-client-keeps-0123",
        store,
        fetch,
        log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
        onSignIn: (_, { access_token }) => void stolen.push(access_token),
        providers: [
          oidc("acme", {
            issuer: provider.issuer,
            client_id: "web",
            token_endpoint_auth_method: "self_signed_tls_client_auth",
            tls_client_certificate_bound_access_tokens: true,
            api: provider.mtlsOrigin,
          }),
        ],
      });
    const store = memoryStore();
    let oauth = oauthWith(fetchWith("web"));
    const server = createServer((request, response) => valetkey(oauth)(request, response, () => response.end("in")));
    await new Promise<void>((done) => server.listen(Number(new URL(origin).port), "127.0.0.1", done));
    try {
      const browser = createBrowser([origin, provider.issuer]);
      const start = provider.withCertificate.length;
      assert.equal((await browser.open(`${origin}/auth/login/acme`)).text, "in");
      const cookie = [...browser.cookies("127.0.0.1")].map(([name, value]) => `${name}=${value}`).join("; ");
      const auth = await oauth.session(new Request(origin, { headers: { cookie } }));
      assert.equal(auth?.user.name, foreigner.name);
      // Longer is never wrong here.
      await pause(lifetime * 1_000 + 100);
      const answer = (await auth?.fetch("acme", "me")) ?? assert.fail("nobody is signed in");
      assert.equal(((await answer.json()) as { sub: string }).sub, foreigner.sub);
      assert.deepEqual(
        provider.withCertificate.slice(start),
        ["POST /token", "GET /me", "POST /token", "GET /me"].map((request) => ({ request, subject: "CN=web" })),
      );

      oauth = oauthWith(fetchWith("other"));
      assert.notEqual((await createBrowser([origin, provider.issuer]).open(`${origin}/auth/login/acme`)).text, "in");

      oauth = oauthWith(fetchWith("web"));
      await createBrowser([origin, provider.issuer]).open(`${origin}/auth/login/acme`);
      const headers = { Authorization: `Bearer ${stolen.at(-1)}` };
      const me = `${provider.mtlsOrigin}/me`;
      const status = async (fetch: typeof globalThis.fetch) => (await fetch(me, { headers })).status;
      assert.deepEqual(
        [await status(fetchWith("web")), await status(fetchWith("other")), await status(fetchWithout())],
        [200, 401, 401],
      );
      assert.equal((await fetch(`${provider.issuer}/me`, { headers })).status, 401);
    } finally {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    }
  });
});

test("the function in the docs is the one these tests use", async () => {
  const root = resolve(import.meta.dirname, "../..");
  const [page, source] = await Promise.all(
    ["docs/bound-tokens.md", "test/src/lib/certificate-fetch.ts"].map((path) => readFile(resolve(root, path), "utf8")),
  );
  const body = source?.slice(source.indexOf("export function")).replace("export ", "") ?? "";
  assert.ok(body.length > 500 && page?.includes(body.trim()));
});
