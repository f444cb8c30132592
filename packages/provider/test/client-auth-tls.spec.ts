import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { describe, it } from "node:test";
import type { Jwk } from "@valetkey/protocol/jwk";
import { certificateBound, certificateThumbprint } from "@valetkey/provider/bindings/certificate";
import { none } from "@valetkey/provider/client-auth/none";
import { secretBasic } from "@valetkey/provider/client-auth/secret";
import { selfSignedTlsClientAuth, tlsClientAuth } from "@valetkey/provider/client-auth/tls";
import { readCertificateHeader } from "@valetkey/provider/client-certificate";
import { openRegistration } from "@valetkey/provider/registration-policy";
import { certificates } from "./certificates.ts";
import { ask, machine, serving } from "./client-auth-side.ts";
import { createWorld, type TestClient } from "./op.ts";
import { api, assertError, claimsOf, pub, service, signedApi, tokensOf } from "./token-side.ts";

const clientAuth = [secretBasic, tlsClientAuth(), selfSignedTlsClientAuth(), none];
const grant = { grant_type: "client_credentials" };
/** What the end of a connection says: the certificate, and that an authority it trusts has signed it. */
const verified = (certificate: string) => ({ certificate, certificateVerified: true });
const unverified = (certificate: string) => ({ certificate, certificateVerified: false });

const ready = (options: Parameters<typeof createWorld>[0] = {}) =>
  createWorld({ clientAuth, resources: [api, signedApi], bindings: [certificateBound()], ...options });

const named = (member: string, value: string): TestClient =>
  machine("svc", { token_endpoint_auth_method: "tls_client_auth", [`tls_client_auth_${member}`]: value });

const jwkOf = (certificate: string): Jwk =>
  new X509Certificate(Buffer.from(certificate, "base64")).publicKey.export({ format: "jwk" }) as Jwk;

describe("tls_client_auth (RFC 8705 §2.1)", () => {
  const right: readonly (readonly [string, string])[] = [
    ["subject_dn", "CN=machine,O=Example\\, Inc.,C=DE"],
    ["subject_dn", "cn = machine, O=Example\\2C Inc., 2.5.4.6=DE"],
    ["subject_dn", "CN=#0c076d616368696e65,O=Example\\, Inc.,C=DE"],
    ["san_dns", "machine.example"],
    ["san_dns", "Machine.Example"],
    ["san_uri", "spiffe://example/machine"],
    ["san_ip", "203.0.113.7"],
    ["san_ip", "2001:DB8:0::7"],
    ["san_email", "Jobs@EXAMPLE.org"],
  ];
  for (const [member, value] of right) {
    it(`knows the client by ${member} ${value} (§2.1.2)`, async () => {
      const world = await ready();
      await world.addClient(named(member, value));
      const fields = { ...grant, client_id: "svc" };
      await tokensOf(await ask(world, "/token", fields, verified(certificates.machine)));
      await assertError(await ask(world, "/token", fields, verified(certificates.web)), "invalid_client");
    });
  }

  const wrong: readonly (readonly [string, string])[] = [
    ["subject_dn", "CN=machine"],
    ["subject_dn", "C=DE,O=Example\\, Inc.,CN=machine"],
    ["subject_dn", "CN=machine,O=Example,O=Inc.,C=DE"],
    ["subject_dn", "CN=machine+O=Example\\, Inc.,C=DE"],
    ["subject_dn", "CN=extra,CN=machine,O=Example\\, Inc.,C=DE"],
    ["subject_dn", "CN=Machine,O=Example\\, Inc.,C=DE"],
    ["subject_dn", "UID=machine,O=Example\\, Inc.,C=DE"],
    ["san_dns", "example"],
    ["san_dns", "*.example"],
    ["san_dns", "other.machine.example"],
    ["san_uri", "spiffe://example/machine/"],
    ["san_uri", "spiffe://example/Machine"],
    ["san_ip", "203.0.113.8"],
    ["san_ip", "::ffff:203.0.113.7"],
    ["san_email", "jobs@example.org"],
    ["san_email", "example.org"],
  ];
  for (const [member, value] of wrong) {
    it(`takes nobody for ${member} ${value}`, async () => {
      const world = await ready();
      await world.addClient(named(member, value));
      const fields = { ...grant, client_id: "svc" };
      await assertError(await ask(world, "/token", fields, verified(certificates.machine)), "invalid_client");
    });
  }

  it("reads names with everything in them that RFC 4514 escapes, in any order within a level, and values that are no text", async () => {
    for (const dn of [
      '1.2.3.4=x,CN=\\#a \\"quoted\\"\\; \\<name\\>\\=\\\\\\ +UID=u\\+1,O=Lučić,DC=example',
      "1.2.3.4=#0c0178,UID=u\\2B1+CN=\\23a \\22quoted\\22\\3B \\3Cname\\3E=\\5C\\20,O=Lu\\C4\\8Di\\C4\\87,DC=example",
    ]) {
      const world = await ready();
      await world.addClient(named("subject_dn", dn));
      await tokensOf(await ask(world, "/token", { ...grant, client_id: "svc" }, verified(certificates.odd)));
    }
    const world = await ready();
    // One attribute of a level is not the level.
    await world.addClient(named("subject_dn", "1.2.3.4=x,UID=u\\+1,O=Lučić,DC=example"));
    await assertError(
      await ask(world, "/token", { ...grant, client_id: "svc" }, verified(certificates.odd)),
      "invalid_client",
    );
  });

  it("a certificate nobody vouches for, an expired one, one that cannot be read, or none: refused (TK-21, §7.4)", async () => {
    const world = await ready();
    await world.addClient(named("san_dns", "machine.example"));
    const fields = { ...grant, client_id: "svc" };
    for (const peer of [
      unverified(certificates.machine),
      { certificate: certificates.machine },
      verified(certificates.expired),
      verified(certificates.machine.slice(0, 200)),
      verified(`${certificates.machine.slice(0, -4)}AAAA${certificates.machine}`),
      verified("AAAA"),
      verified("not base64!"),
      verified(""),
      {},
    ])
      await assertError(await ask(world, "/token", fields, peer), "invalid_client");
    assert.ok(world.lines.some(({ fields }) => String(fields.reason).includes("nobody has verified")));
    world.clock.now = Date.parse("2050-01-01T00:00:00Z");
    await assertError(await ask(world, "/token", fields, verified(certificates.machine)), "invalid_client");
  });

  it("no header of a request is a certificate: X-Client-Cert, X-SSL-Client-Verify, X-Forwarded-Client-Cert, SSL_CLIENT_CERT, Client-Cert (TK-21)", async () => {
    const world = await ready();
    await world.addClient(named("san_dns", "machine.example"));
    const pem = new X509Certificate(Buffer.from(certificates.machine, "base64")).toString();
    const headers = {
      "x-client-cert": encodeURIComponent(pem),
      "x-ssl-client-verify": "SUCCESS",
      "x-forwarded-client-cert": `Cert="${encodeURIComponent(pem)}"`,
      ssl_client_cert: encodeURIComponent(pem),
      "client-cert": `:${certificates.machine}:`,
    };
    const fields = { ...grant, client_id: "svc" };
    await assertError(await ask(world, "/token", fields, { headers }), "invalid_client");
    await assertError(await ask(world, "/token", fields, { headers, ...verified(certificates.web) }), "invalid_client");
    await tokensOf(await ask(world, "/token", fields, verified(certificates.machine)));
  });

  it("a certificate on the connection is no second method beside a secret, and makes no other client of anybody (§4, TK-04, TK-06)", async () => {
    const world = await ready();
    await world.addClient(named("san_dns", "machine.example"));
    const { client_secret = "", ...basic } = { ...service, client_id: "basic" };
    await world.addClient({ ...basic, client_secret });
    await world.addClient({ ...pub, client_id: "open" });
    const on = verified(certificates.machine);
    const headers = { authorization: `Basic ${btoa(`basic:${encodeURIComponent(client_secret)}`)}` };
    await tokensOf(await ask(world, "/token", grant, { ...on, headers }));
    await assertError(
      await ask(world, "/token", { ...grant, client_id: "svc" }, { ...on, headers }),
      "invalid_request",
    );
    await assertError(await ask(world, "/token", { ...grant, client_id: "basic" }, on), "invalid_client");
    await assertError(await ask(world, "/token", grant, on), "invalid_client");
    await assertError(
      await ask(world, "/token", { ...grant, client_id: "svc", client_secret: "x".repeat(40) }, on),
      "invalid_client",
    );
    // A public client may bind its tokens to a certificate all the same.
    await assertError(await ask(world, "/token", { ...grant, client_id: "open" }, on), "unauthorized_client");
  });

  it("is the one way at every endpoint, and a disabled client is refused (TK-24)", async () => {
    const world = await ready();
    await world.addClient(named("san_dns", "machine.example"));
    const on = verified(certificates.machine);
    const { access_token } = await tokensOf(await ask(world, "/token", { ...grant, client_id: "svc" }, on));
    const about = await ask(world, "/introspect", { client_id: "svc", token: access_token }, on);
    assert.equal(((await about.json()) as { active: boolean }).active, true);
    await assertError(await ask(world, "/introspect", { client_id: "svc", token: access_token }), "invalid_client");
    await world.provider.clients.set("svc", { disabled: true });
    for (const path of ["/token", "/introspect", "/revoke"])
      await assertError(
        await ask(world, path, { ...grant, client_id: "svc", token: access_token }, on),
        "invalid_client",
      );
  });

  it("binds tokens to the certificate for clients that registered so (§3.1)", async () => {
    const world = await ready();
    await world.addClient({
      ...named("san_dns", "machine.example"),
      scope: "signed:read",
      tls_client_certificate_bound_access_tokens: true,
    });
    const fields = { ...grant, client_id: "svc", resource: signedApi.resource };
    const { access_token } = await tokensOf(await ask(world, "/token", fields, verified(certificates.machine)));
    assert.deepEqual(claimsOf(access_token).cnf, { "x5t#S256": await certificateThumbprint(certificates.machine) });
  });

  it("a client registers exactly one name, and one that can be read (§2.1.2)", async () => {
    const world = await ready({ registration: openRegistration() });
    const register = (more: object) =>
      world.send("/register", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          redirect_uris: ["https://new.test/cb"],
          token_endpoint_auth_method: "tls_client_auth",
          ...more,
        }),
      });
    for (const bad of [
      {},
      { tls_client_auth_san_dns: "a.test", tls_client_auth_san_uri: "spiffe://a" },
      { tls_client_auth_subject_dn: "machine" },
      { tls_client_auth_subject_dn: "CN=" },
      { tls_client_auth_subject_dn: "CN=a,,O=b" },
      { tls_client_auth_subject_dn: 'CN="a"' },
      { tls_client_auth_subject_dn: "CN=a\\" },
      { tls_client_auth_subject_dn: "CN=#0" },
      { tls_client_auth_subject_dn: "XX=a" },
      { tls_client_auth_subject_dn: "CN=\\FF" },
      { tls_client_auth_san_ip: "203.0.113.256" },
      { tls_client_auth_san_ip: "machine" },
      { tls_client_auth_san_dns: 7 },
    ])
      await assertError(await register(bad), "invalid_client_metadata");
    const made = await register({ tls_client_auth_subject_dn: "CN=a+UID=b,O=c" });
    const body = (await made.json()) as Record<string, unknown>;
    assert.deepEqual(
      [made.status, body.client_secret, body.tls_client_auth_subject_dn],
      [201, undefined, "CN=a+UID=b,O=c"],
    );
  });

  it("is announced, with the endpoints that ask for certificates if they are others (§5)", async () => {
    const { metadata } = (await ready({ clientAuth: [tlsClientAuth({ aliases: "https://mtls.id.test" })] })).provider;
    assert.deepEqual(metadata.token_endpoint_auth_methods_supported, ["tls_client_auth"]);
    assert.equal(
      (metadata.mtls_endpoint_aliases as Record<string, string>).token_endpoint,
      "https://mtls.id.test/token",
    );
    assert.equal((await ready()).provider.metadata.mtls_endpoint_aliases, undefined);
  });
});

describe("self_signed_tls_client_auth (RFC 8705 §2.2)", () => {
  const token_endpoint_auth_method = "self_signed_tls_client_auth";
  const web = (key: Jwk, more = {}) => machine("svc", { token_endpoint_auth_method, jwks: { keys: [key] }, ...more });
  const fields = { ...grant, client_id: "svc" };

  it("knows the client by a certificate it registered, whoever signed it, and by nothing with the same name (§2.2.2, TK-21)", async () => {
    const world = await ready();
    await world.addClient(web({ ...jwkOf(certificates.web), x5c: [certificates.web] }));
    await tokensOf(await ask(world, "/token", fields, unverified(certificates.web)));
    for (const peer of [
      verified(certificates.namesake),
      verified(certificates.machine),
      // The same key in a certificate that was not registered, and in one that has expired.
      unverified(certificates.webRenewed),
      unverified(certificates.webExpired),
      {},
    ])
      await assertError(await ask(world, "/token", fields, peer), "invalid_client");
  });

  for (const [type, certificate] of [
    ["RSA", certificates.web],
    ["Ed25519", certificates.namesake],
    ["P-256", certificates.machine],
  ] as const) {
    it(`knows the client by the ${type} key it registered without a certificate`, async () => {
      const world = await ready();
      await world.addClient(web({ ...jwkOf(certificate), use: "sig", kid: "1", key_ops: ["verify"] }));
      await tokensOf(await ask(world, "/token", fields, unverified(certificate)));
      for (const other of [certificates.odd, certificates.web, certificates.namesake, certificates.machine])
        if (other !== certificate)
          await assertError(await ask(world, "/token", fields, verified(other)), "invalid_client");
    });
  }

  it("an expired certificate proves nothing, though the key is right (TK-21)", async () => {
    const world = await ready();
    await world.addClient(web(jwkOf(certificates.web)));
    await tokensOf(await ask(world, "/token", fields, unverified(certificates.webRenewed)));
    await assertError(await ask(world, "/token", fields, unverified(certificates.webExpired)), "invalid_client");
    await tokensOf(await ask(world, "/token", fields, unverified(certificates.web)));
  });

  it("reads jwks_uri again for a certificate that was published since, once per cool-down; an outage is 503 (§2.2.2, TK-19)", async () => {
    const jwks_uri = "https://svc.test/jwks";
    const remote = serving({ [jwks_uri]: { keys: [{ ...jwkOf(certificates.web), x5c: [certificates.web] }] } });
    const world = await ready({ fetch: remote.fetch });
    await world.addClient(machine("svc", { token_endpoint_auth_method, jwks_uri }));
    await tokensOf(await ask(world, "/token", fields, unverified(certificates.web)));
    remote.documents[jwks_uri] = { keys: [jwkOf(certificates.namesake)] };
    for (let n = 0; n < 20; n++)
      await assertError(await ask(world, "/token", fields, unverified(certificates.namesake)), "invalid_client");
    assert.equal(remote.asked.length, 1);
    world.clock.advance(61);
    await tokensOf(await ask(world, "/token", fields, unverified(certificates.namesake)));
    await assertError(await ask(world, "/token", fields, unverified(certificates.web)), "invalid_client");
    assert.equal(remote.asked.length, 2);
    delete remote.documents[jwks_uri];
    world.clock.advance(601);
    await assertError(
      await ask(world, "/token", fields, unverified(certificates.namesake)),
      "temporarily_unavailable",
      503,
    );
  });

  it("needs keys (§2.2.2)", async () => {
    const { clients } = (await ready()).provider;
    await assert.rejects(
      clients.add({ grant_types: ["client_credentials"], token_endpoint_auth_method }, { provenance: "admin" }),
      /needs jwks or jwks_uri/,
    );
  });
});

describe("a certificate in a header of a proxy (RFC 8705 §6.5, RFC 9440 §2.2)", () => {
  const pem = new X509Certificate(Buffer.from(certificates.machine, "base64")).toString();

  it("is read as RFC 9440 writes it, as nginx escapes it, and as plain base64", () => {
    for (const value of [
      `:${certificates.machine}:`,
      ` :${certificates.machine}: `,
      encodeURIComponent(pem),
      certificates.machine,
    ])
      assert.equal(readCertificateHeader(value), certificates.machine);
  });

  it("is nothing if it is anything else, or two", () => {
    const one = `:${certificates.machine}:`;
    for (const value of [
      "",
      "SUCCESS",
      "::",
      `${one}, ${one}`,
      `${one};a=1`,
      `${encodeURIComponent(pem)}, ${encodeURIComponent(pem)}`,
      encodeURIComponent(pem + pem),
      `${encodeURIComponent(pem)}%`,
      "-----BEGIN CERTIFICATE-----",
      `:${certificates.machine}`,
      `:${certificates.machine.slice(1)}:`,
    ])
      assert.equal(readCertificateHeader(value), undefined, value.slice(0, 40));
  });
});
