import assert from "node:assert/strict";
import { test } from "node:test";
import { checkIssuer, wellKnown } from "./metadata.ts";

test("OpenID Connect Discovery appends to the issuer's path (§4)", () => {
  for (const [issuer, url] of [
    ["https://op.test", "https://op.test/.well-known/openid-configuration"],
    ["https://op.test/", "https://op.test/.well-known/openid-configuration"],
    ["https://op.test:8443/tenant/a", "https://op.test:8443/tenant/a/.well-known/openid-configuration"],
    ["https://op.test/tenant/", "https://op.test/tenant/.well-known/openid-configuration"],
  ] as const) {
    assert.equal(wellKnown(issuer, "openid-configuration").href, url);
  }
});

test("RFC 8414 §3.1 inserts before the issuer's path", () => {
  for (const [issuer, url] of [
    ["https://as.test", "https://as.test/.well-known/oauth-authorization-server"],
    ["https://as.test/", "https://as.test/.well-known/oauth-authorization-server"],
    ["https://as.test/tenant/a", "https://as.test/.well-known/oauth-authorization-server/tenant/a"],
    ["https://as.test/tenant/", "https://as.test/.well-known/oauth-authorization-server/tenant"],
  ] as const) {
    assert.equal(wellKnown(issuer, "oauth-authorization-server").href, url);
  }
});

test("RFC 9728 §3.1 inserts before path and query, and drops only the slash after the host", () => {
  for (const [resource, url] of [
    ["https://rs.test", "https://rs.test/.well-known/oauth-protected-resource"],
    ["https://rs.test/", "https://rs.test/.well-known/oauth-protected-resource"],
    ["https://rs.test/mcp", "https://rs.test/.well-known/oauth-protected-resource/mcp"],
    ["https://rs.test/mcp/?k=1", "https://rs.test/.well-known/oauth-protected-resource/mcp/?k=1"],
    ["https://rs.test?k=1", "https://rs.test/.well-known/oauth-protected-resource?k=1"],
  ] as const) {
    assert.equal(wellKnown(resource, "oauth-protected-resource").href, url);
  }
});

test("an issuer is plain https, kept as given (RFC 8414 §2)", () => {
  for (const issuer of [
    "https://as.test",
    "https://as.test/",
    "https://as.test/tenant",
    "https://as.test/tenant/",
    "https://as.test:8443",
  ]) {
    assert.doesNotThrow(() => checkIssuer(issuer), issuer);
  }
  const refused = [
    "http://as.test",
    "https://as.test?a=1",
    "https://as.test/?",
    "https://as.test/#",
    "https://as.test/x#y",
    "https://u@as.test",
  ];
  const respelled = [
    "https://AS.test",
    "https://as.test:443",
    "https://as.test/a/../b",
    "https:as.test",
    " https://as.test",
    "https://as.tést",
  ];
  for (const issuer of [...refused, ...respelled, "as.test", "", "ftp://as.test", undefined, 7]) {
    assert.throws(() => checkIssuer(issuer, { allowLoopbackHttp: true }), TypeError, String(issuer));
  }
});

test("http is for loopback, and only if allowed", () => {
  for (const issuer of ["http://127.0.0.1:4000", "http://localhost:4000/x", "http://[::1]:4000"]) {
    assert.doesNotThrow(() => checkIssuer(issuer, { allowLoopbackHttp: true }));
    assert.throws(() => checkIssuer(issuer), TypeError);
  }
  for (const issuer of ["http://127.0.0.2", "http://localhost.evil.test", "http://0x7f.1"]) {
    assert.throws(() => checkIssuer(issuer, { allowLoopbackHttp: true }), TypeError, issuer);
  }
});
