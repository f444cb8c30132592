/**
 * Foreign clients that prove themselves without sending a secret, at our server: `openid-client` and `oauth4webapi`.
 *
 * OpenID Connect Core §9 (`private_key_jwt`, `client_secret_jwt`), RFC 7523 and RFC 10070, RFC 8705 §2 with certificates made for the
 * occasion and a TLS server in front of ours. Row TK-21 of the catalogue of attacks.
 */
import assert from "node:assert/strict";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:https";
import { after, before, describe, it } from "node:test";
import type { JwkSet } from "@valetkey/protocol/jwk";
import { selfSignedTlsClientAuth, tlsClientAuth } from "@valetkey/provider/client-auth/tls";
import { createKeys } from "@valetkey/provider/keys";
import { nodeHandler } from "@valetkey/provider/node";
import { createProvider } from "@valetkey/provider/provider";
import { memoryStore } from "@valetkey/store/memory";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import { createBrowser } from "./lib/browser.ts";
import { certificateFetch } from "./lib/certificate-fetch.ts";
import { type Certificates, jwkOfCertificate, makeCertificates, skip } from "./lib/certificates.ts";
import { addUser, callback } from "./lib/fixtures.ts";
import { type TestUser, walk } from "./lib/flow.ts";
import { freePort, type RunningServer, startServer } from "./lib/server.ts";
import { frontAddress, startTlsFront, type TlsFront } from "./lib/tls-front.ts";

const insecure = { execute: [openid.allowInsecureRequests] };
const scopes = { "jobs:run": "Run jobs" };
const alone = { grant_types: ["client_credentials"], scope: "jobs:run" };
const client_secret = randomBytes(48).toString("base64url");

describe("assertions of foreign clients", () => {
  const pairs = {
    ES256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
    PS256: generateKeyPairSync("rsa", { modulusLength: 2048 }),
    Ed25519: generateKeyPairSync("ed25519"),
  };
  const algorithms = Object.keys(pairs) as (keyof typeof pairs)[];
  const jwksOf = (alg: keyof typeof pairs) => ({
    keys: [{ ...pairs[alg].publicKey.export({ format: "jwk" }), kid: alg, alg }],
  });
  const web = { redirect_uris: [callback], grant_types: ["authorization_code", "refresh_token"] };
  let server: RunningServer;
  let alice: TestUser;
  let issuer: string;
  before(async () => {
    server = await startServer({
      config: {
        scopes,
        clientAuth: ["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"],
        clients: [
          ...algorithms.map((alg) => ({
            ...web,
            client_id: `web-${alg}`,
            client_name: alg,
            token_endpoint_auth_method: "private_key_jwt",
            jwks: jwksOf(alg),
          })),
          { ...alone, client_id: "hashed", client_secret, token_endpoint_auth_method: "client_secret_jwt" },
        ],
      },
    });
    issuer = server.issuer;
    alice = await addUser(server, "alice");
  });
  after(() => server?.[Symbol.asyncDispose]());

  const privateKeyOf = async (alg: keyof typeof pairs): Promise<openid.PrivateKey> => ({
    kid: alg,
    key: await crypto.subtle.importKey(
      "pkcs8",
      Uint8Array.from(pairs[alg].privateKey.export({ format: "der", type: "pkcs8" })),
      {
        ES256: { name: "ECDSA", namedCurve: "P-256" },
        PS256: { name: "RSA-PSS", hash: "SHA-256" },
        Ed25519: { name: "Ed25519" },
      }[alg],
      false,
      ["sign"],
    ),
  });

  for (const alg of algorithms) {
    it(`openid-client signs in, refreshes, introspects and revokes with private_key_jwt, ${alg}`, async () => {
      const auth = openid.PrivateKeyJwt(await privateKeyOf(alg));
      const config = await openid.discovery(new URL(issuer), `web-${alg}`, undefined, auth, insecure);
      assert.ok(config.serverMetadata().token_endpoint_auth_signing_alg_values_supported?.includes(alg));
      const pkceCodeVerifier = openid.randomPKCECodeVerifier();
      const expectedState = openid.randomState();
      const url = openid.buildAuthorizationUrl(config, {
        redirect_uri: callback,
        scope: "openid offline_access",
        prompt: "consent",
        state: expectedState,
        code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
        code_challenge_method: "S256",
      });
      const end = await walk(createBrowser(issuer), url, { user: alice });
      const tokens = await openid.authorizationCodeGrant(config, end.url, { pkceCodeVerifier, expectedState });
      assert.equal(tokens.claims()?.sub, alice.subject);
      const again = await openid.refreshTokenGrant(config, tokens.refresh_token ?? "");
      assert.equal((await openid.tokenIntrospection(config, again.access_token)).active, true);
      await openid.tokenRevocation(config, again.refresh_token ?? "");
      assert.equal((await openid.tokenIntrospection(config, again.access_token)).active, false);
    });
  }

  it("openid-client with another's key is refused", async () => {
    const auth = openid.PrivateKeyJwt(await privateKeyOf("ES256"));
    const config = await openid.discovery(new URL(issuer), "web-PS256", undefined, auth, insecure);
    await assert.rejects(openid.refreshTokenGrant(config, "x"), { error: "invalid_client", status: 401 });
  });

  it("openid-client asks for a token with client_secret_jwt; with another secret it is refused", async () => {
    const of = (secret: string) =>
      openid.discovery(new URL(issuer), "hashed", undefined, openid.ClientSecretJwt(secret), insecure);
    const config = await of(client_secret);
    const { access_token } = await openid.clientCredentialsGrant(config, { scope: "jobs:run" });
    assert.equal((await openid.tokenIntrospection(config, access_token)).active, true);
    await assert.rejects(openid.clientCredentialsGrant(await of(`${client_secret}x`)), { error: "invalid_client" });
  });

  it("oauth4webapi does both, and an assertion of its own making is good for one request", async () => {
    const options = { [oauth.allowInsecureRequests]: true };
    const server = await oauth
      .discoveryRequest(new URL(issuer), options)
      .then((response) => oauth.processDiscoveryResponse(new URL(issuer), response));
    const hashed = { client_id: "hashed" };
    const response = await oauth.clientCredentialsGrantRequest(
      server,
      hashed,
      oauth.ClientSecretJwt(client_secret),
      { scope: "jobs:run" },
      options,
    );
    const { access_token } = await oauth.processClientCredentialsResponse(server, hashed, response);
    const keyed = { client_id: "web-Ed25519" };
    let sent: URLSearchParams | undefined;
    const about = await oauth.introspectionRequest(
      server,
      keyed,
      oauth.PrivateKeyJwt(await privateKeyOf("Ed25519")),
      access_token,
      {
        ...options,
        [oauth.customFetch]: (url: string, init: RequestInit) => {
          sent = new URLSearchParams(String(init.body));
          return fetch(url, init);
        },
      },
    );
    // Another client's token is none of its business, but who it is was believed.
    assert.deepEqual(await oauth.processIntrospectionResponse(server, keyed, about), { active: false });
    const replayed = await fetch(server.introspection_endpoint ?? "", { method: "POST", body: sent ?? null });
    assert.equal(replayed.status, 401);
  });
});

describe("certificates of foreign clients, through a proxy that is named", { skip }, () => {
  const names = { signed: ["machine", "other"], self: ["web", "namesake"] } as const;
  type Name = (typeof names)["signed" | "self"][number];
  let made: Certificates<Name>;
  let front: TlsFront;
  let server: RunningServer;
  let issuer: string;
  before(async () => {
    made = await makeCertificates(names);
    const port = await freePort();
    issuer = `https://localhost:${port}`;
    front = await startTlsFront({ ...made.server, ca: made.ca, port, target: () => server.port });
    server = await startServer({
      issuer,
      config: {
        scopes,
        clientAuth: ["client_secret_basic", "tls_client_auth", "self_signed_tls_client_auth", "none"],
        trustedProxies: [
          { address: frontAddress, certificateHeader: "client-cert", certificateVerified: "x-ssl-client-verify" },
        ],
        clients: [
          {
            ...alone,
            client_id: "machine",
            token_endpoint_auth_method: "tls_client_auth",
            tls_client_auth_subject_dn: "CN=machine",
          },
          {
            ...alone,
            client_id: "web",
            token_endpoint_auth_method: "self_signed_tls_client_auth",
            jwks: { keys: [jwkOfCertificate(made.clients.web)] },
          },
        ],
      },
    });
  });
  after(async () => {
    await front?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  const fetchWith = (name?: Name) =>
    certificateFetch({ ...(name === undefined ? { key: "", cert: "" } : made.clients[name]), ca: made.ca });

  async function withOpenidClient(client_id: string, fetch: typeof globalThis.fetch) {
    const customFetch: openid.CustomFetch = (url, options) => fetch(url, options as RequestInit);
    const config = await openid.discovery(new URL(issuer), client_id, undefined, openid.TlsClientAuth(), {
      [openid.customFetch]: customFetch,
    });
    config[openid.customFetch] = customFetch;
    const { access_token } = await openid.clientCredentialsGrant(config, { scope: "jobs:run" });
    return (await openid.tokenIntrospection(config, access_token)).active;
  }

  async function withOauth4webapi(client_id: string, fetch: typeof globalThis.fetch) {
    const options = { [oauth.customFetch]: (url: string, init: object) => fetch(url, init) };
    const metadata = await oauth
      .discoveryRequest(new URL(issuer), options)
      .then((response) => oauth.processDiscoveryResponse(new URL(issuer), response));
    const client = { client_id };
    const response = await oauth.clientCredentialsGrantRequest(metadata, client, oauth.TlsClientAuth(), {}, options);
    return (await oauth.processClientCredentialsResponse(metadata, client, response)).access_token !== "";
  }

  for (const [library, attempt] of [
    ["openid-client", withOpenidClient],
    ["oauth4webapi", withOauth4webapi],
  ] as const) {
    it(`${library} authenticates by a certificate of the authority, and by one of its own (RFC 8705 §2.1, §2.2)`, async () => {
      assert.equal(await attempt("machine", fetchWith("machine")), true);
      assert.equal(await attempt("web", fetchWith("web")), true);
    });

    it(`${library} with no certificate, another's, or one of the right name that nobody else signed: refused (TK-21)`, async () => {
      const forged = await makeCertificates({ signed: [], self: ["machine", "web"] });
      for (const [client_id, fetch] of [
        ["machine", fetchWith()],
        ["machine", fetchWith("other")],
        ["machine", fetchWith("web")],
        ["machine", certificateFetch({ ...forged.clients.machine, ca: made.ca })],
        ["web", fetchWith()],
        ["web", fetchWith("machine")],
        ["web", certificateFetch({ ...forged.clients.web, ca: made.ca })],
      ] as const)
        await assert.rejects(attempt(client_id, fetch), { error: "invalid_client", status: 401 });
    });
  }

  it("a header with a certificate is nothing through the proxy, and nothing from anybody else (TK-21, RFC 9440 §4)", async () => {
    const der = String((jwkOfCertificate(made.clients.machine).x5c as string[])[0]);
    const headers = {
      "client-cert": `:${der}:`,
      "x-ssl-client-verify": "SUCCESS",
      "x-forwarded-for": frontAddress,
      "x-client-cert": encodeURIComponent(made.clients.machine.cert),
      "x-forwarded-client-cert": `Cert="${encodeURIComponent(made.clients.machine.cert)}"`,
      "ssl-client-cert": encodeURIComponent(made.clients.machine.cert),
    };
    const body = () => new URLSearchParams({ grant_type: "client_credentials", client_id: "machine" });
    const through = await fetchWith()(`${issuer}/token`, { method: "POST", headers, body: body() });
    assert.equal(through.status, 401);
    const direct = await fetch(`http://127.0.0.1:${server.port}/token`, { method: "POST", headers, body: body() });
    assert.equal(direct.status, 401);
    assert.match(server.output(), /proxy\.untrusted-certificate/);
    const real = await fetchWith("machine")(`${issuer}/token`, { method: "POST", headers, body: body() });
    assert.equal(real.status, 200);
  });
});

describe("certificates of foreign clients, where Node ends the connection", { skip }, () => {
  it("nodeHandler reads the certificate of the socket, on resumed connections too, and believes its names only if `ca` signed it (RFC 8705 §2)", async () => {
    const made = await makeCertificates({ signed: ["machine"], self: ["web"] });
    const namesake = await makeCertificates({ signed: [], self: ["machine"] });
    const issuer = `https://localhost:${await freePort()}`;
    const secret = randomBytes(48).toString("base64url");
    const store = memoryStore();
    const provider = createProvider({
      issuer,
      store,
      secret,
      keys: createKeys({ store, secret, algs: ["ES256"] }),
      accounts: { find: () => undefined },
      clientAuth: [tlsClientAuth(), selfSignedTlsClientAuth()],
      scopes,
    });
    const by = { provenance: "admin" } as const;
    const method = (token_endpoint_auth_method: string) => ({ ...alone, token_endpoint_auth_method });
    await provider.clients.add(
      { ...method("tls_client_auth"), client_id: "machine", tls_client_auth_subject_dn: "CN=machine" },
      by,
    );
    await provider.clients.add(
      {
        ...method("self_signed_tls_client_auth"),
        client_id: "web",
        jwks: { keys: [jwkOfCertificate(made.clients.web)] } as unknown as JwkSet,
      },
      by,
    );
    const tls = { ...made.server, ca: made.ca, requestCert: true, rejectUnauthorized: false };
    const server = createServer(tls, nodeHandler(provider));
    let resumed = 0;
    server.on("secureConnection", (socket) => {
      if (socket.isSessionReused()) resumed++;
    });
    server.listen(Number(new URL(issuer).port), "127.0.0.1");
    await once(server, "listening");
    try {
      const ask = async (client_id: string, pair: { key: string; cert: string } | undefined) => {
        const fetch = certificateFetch({ ...(pair ?? { key: "", cert: "" }), ca: made.ca });
        const statuses: number[] = [];
        for (let n = 0; n < 3; n++) {
          const body = new URLSearchParams({ grant_type: "client_credentials", client_id });
          const response = await fetch(`${issuer}/token`, { method: "POST", body, headers: { connection: "close" } });
          await response.text();
          statuses.push(response.status);
        }
        return statuses.join(" ");
      };
      assert.equal(await ask("machine", made.clients.machine), "200 200 200");
      assert.equal(await ask("web", made.clients.web), "200 200 200");
      assert.ok(resumed > 0, "no connection was resumed");
      assert.equal(await ask("machine", namesake.clients.machine), "401 401 401");
      assert.equal(await ask("web", made.clients.machine), "401 401 401");
      assert.equal(await ask("machine", undefined), "401 401 401");
      assert.equal(await ask("web", undefined), "401 401 401");
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
