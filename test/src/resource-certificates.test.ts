/**
 * Tokens bound to a client's certificate, from issuer to API: `oidc-provider` issues and introspects them over TLS, our API is a
 * `node:https` server that sees the certificate itself.
 *
 * RFC 8705 §2.1 (how the API proves who it is), §3 (bound tokens), §5 (endpoints for certificates).
 */
import assert from "node:assert/strict";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { clientCredentials } from "@valetkey/client/client-credentials";
import { discover } from "@valetkey/client/discover";
import { type CheckedRequest, protectResource, tokenOf } from "@valetkey/resource/node";
import { certificateFetch } from "./lib/certificate-fetch.ts";
import { type Certificates, certificateThumbprint, makeCertificates, skip } from "./lib/certificates.ts";
import { type ForeignProvider, startForeignProvider } from "./lib/foreign-provider.ts";

const names = { signed: ["machine", "api", "thief"], self: [] } as const;
type Name = (typeof names)["signed"][number];

describe("an API whose clients have certificates", { skip }, () => {
  const audience = "https://api.example.test";
  let made: Certificates<Name>;
  let provider: ForeignProvider;
  let api: Server;
  const fetchAs = (name: Name) => certificateFetch({ ...made.clients[name], ca: made.ca });

  before(async () => {
    made = await makeCertificates(names);
    const own = { redirect_uris: [], response_types: [], grant_types: ["client_credentials"] };
    const byCertificate = (client_id: string) => ({
      ...own,
      client_id,
      token_endpoint_auth_method: "tls_client_auth",
      tls_client_auth_subject_dn: `CN=${client_id}`,
    });
    provider = await startForeignProvider(
      [{ ...byCertificate("machine"), tls_client_certificate_bound_access_tokens: true }, byCertificate("api")],
      {
        tls: { ...made.server, ca: made.ca },
        features: {
          introspection: { enabled: true, allowedPolicy: async () => true },
          resourceIndicators: {
            enabled: true,
            getResourceServerInfo: async () => ({ scope: "read", audience, accessTokenFormat: "opaque" }),
          },
        },
      },
    );
    const { requireOAuth } = protectResource({
      issuer: provider.issuer,
      audience,
      introspection: { client_id: "api", token_endpoint_auth_method: "tls_client_auth", fetch: fetchAs("api") },
    });
    const guard = requireOAuth("read", { certificate: "required" });
    const options = { ...made.server, requestCert: true, rejectUnauthorized: false };
    api = createServer(options, (req: CheckedRequest, res) => {
      void guard(req, res, () => res.end(JSON.stringify(tokenOf(req)?.cnf)));
    });
    await new Promise<void>((done) => api.listen(0, "localhost", done));
  });
  after(async () => {
    api?.closeAllConnections();
    await new Promise((done) => api?.close(done) ?? done(undefined));
    await provider?.[Symbol.asyncDispose]();
  });

  it("a bound token passes on a connection with its certificate; a thief's has another, and others none", async () => {
    const metadata = await discover(provider.issuer);
    const client = { client_id: "machine", token_endpoint_auth_method: "tls_client_auth" } as const;
    const options = { metadata, client, scope: "read", resource: audience, fetch: fetchAs("machine") };
    const { access_token } = await clientCredentials(options);
    const url = `https://localhost:${(api.address() as AddressInfo).port}/`;
    const headers = { Authorization: `Bearer ${access_token}` };
    const answer = await fetchAs("machine")(url, { headers });
    assert.equal(answer.status, 200, answer.headers.get("www-authenticate") ?? "");
    assert.deepEqual(await answer.json(), { "x5t#S256": certificateThumbprint(made.clients.machine) });
    assert.deepEqual(provider.withCertificate.at(-1), { request: "POST /token/introspection", subject: "CN=api" });
    assert.equal((await fetchAs("thief")(url, { headers })).status, 401);
    assert.equal((await certificateFetch({ key: "", cert: "", ca: made.ca })(url, { headers })).status, 401);
  });
});
