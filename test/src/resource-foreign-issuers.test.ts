/**
 * An API behind protectResource whose tokens come from issuers written by others: `oidc-provider` and `oauth2-mock-server`.
 *
 * RFC 9068 §4, RFC 7662 §4, RFC 9701, RFC 9449 §7, RFC 8707; rows RS-02, RS-03, RS-08, RS-10. The API is asked as a bare function.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { ClientAuthentication } from "@valetkey/client/client-authentication";
import { clientCredentials } from "@valetkey/client/client-credentials";
import { discover } from "@valetkey/client/discover";
import { createDpop, dpopFetch } from "@valetkey/client/dpop-fetch";
import { revokeToken } from "@valetkey/client/revoke";
import { generateDpopKey } from "@valetkey/protocol/dpop";
import { protectResource, type ResourceOptions, subjectKey } from "@valetkey/resource/protect";
import { unsafeUntypedTokens } from "@valetkey/resource/unsafe";
import { Events, type MutableToken, OAuth2Server } from "oauth2-mock-server";
import { type ForeignProvider, startForeignProvider } from "./lib/foreign-provider.ts";
import { freePort } from "./lib/server.ts";

const [signed, opaque] = ["https://api.example.test/signed", "https://api.example.test/opaque"];
const client_secret = "a-secret-of-the-application-0123456789";
const program = (client_id: string): ClientAuthentication & { client_secret: string } => ({
  client_id,
  client_secret,
  token_endpoint_auth_method: "client_secret_basic",
});

/** The API as a fetch: what it answers to a token. */
function api(options: ResourceOptions, needs: string | string[] = "read") {
  const { requireOAuth, check } = protectResource(options);
  const route = requireOAuth(needs)((_, token) => Response.json({ key: subjectKey(token), cnf: token.cnf }));
  const handle = async (url: string | URL, init?: RequestInit) => route(new Request(url, init));
  const ask = async (token: string) =>
    (await handle(options.audience, { headers: { Authorization: `Bearer ${token}` } })).status;
  return { handle, ask, check };
}

describe("tokens of oidc-provider", () => {
  let provider: ForeignProvider;
  before(async () => {
    const own = { client_secret, redirect_uris: [], response_types: [], grant_types: ["client_credentials"] };
    provider = await startForeignProvider(
      [
        { ...own, client_id: "robot" },
        { ...own, client_id: "api", introspection_signed_response_alg: "ES256" },
      ],
      {
        features: {
          clientCredentials: { enabled: true },
          introspection: { enabled: true, allowedPolicy: async () => true },
          jwtIntrospection: { enabled: true },
          dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => false },
          resourceIndicators: {
            enabled: true,
            getResourceServerInfo: async (_: unknown, resource: string) => ({
              scope: "read write",
              audience: resource,
              accessTokenTTL: 3,
              accessTokenFormat: resource === signed ? "jwt" : "opaque",
              jwt: { sign: { alg: "ES256" } },
            }),
          },
        },
      },
    );
  });
  after(() => provider?.[Symbol.asyncDispose]());
  const tokenFor = async (resource: string, more: { dpop?: ReturnType<typeof createDpop> } = {}) => {
    const metadata = await discover(provider.issuer);
    return (await clientCredentials({ metadata, client: program("robot"), scope: "read", resource, ...more }))
      .access_token;
  };
  const introspection = { client_id: "api", client_secret } as const;

  it("at+jwt and opaque tokens pass at their own API and nowhere else, with their scope alone", async () => {
    const [atJwt, atOpaque] = [await tokenFor(signed), await tokenFor(opaque)];
    const apis = [
      api({ issuer: provider.issuer, audience: signed, introspection }),
      api({ issuer: provider.issuer, audience: opaque, introspection }),
    ];
    const seen = await Promise.all(apis.map(async ({ ask }) => [await ask(atJwt), await ask(atOpaque)]));
    assert.deepEqual(seen, [
      [200, 401],
      [401, 200],
    ]);
    for (const [audience, token] of [
      [signed, atJwt],
      [opaque, atOpaque],
    ] as const) {
      const { ask, check } = api({ issuer: provider.issuer, audience, introspection }, ["write", "read write"]);
      assert.equal(await ask(token), 403);
      const { principal, client_id } = await check(
        new Request(audience, { headers: { Authorization: `Bearer ${token}` } }),
      );
      assert.deepEqual([principal, client_id], ["client", "robot"]);
    }
  });

  it("tampered, expired and revoked tokens do not pass", async () => {
    const [atJwt, atOpaque] = [await tokenFor(signed), await tokenFor(opaque)];
    const one = api({ issuer: provider.issuer, audience: signed, clockTolerance: 0 });
    const other = api({ issuer: provider.issuer, audience: opaque, introspection, clockTolerance: 0 });
    const [head = "", body = "", signature = ""] = atJwt.split(".");
    const forged = Buffer.from(
      JSON.stringify({ ...JSON.parse(Buffer.from(body, "base64url").toString()), scope: "write" }),
    );
    for (const bad of [`${head}.${forged.toString("base64url")}.${signature}`, `${head}.${body}.`, `${head}.${body}`])
      assert.equal(await one.ask(bad), 401);
    assert.equal(await other.ask(`${atOpaque}x`), 401);
    const revoked = await tokenFor(opaque);
    assert.equal(await other.ask(revoked), 200);
    await revokeToken({ metadata: await discover(provider.issuer), client: program("robot"), token: revoked });
    assert.equal(await other.ask(revoked), 401);
    assert.deepEqual([await one.ask(atJwt), await other.ask(atOpaque)], [200, 200]);
    await pause(4_000);
    assert.deepEqual([await one.ask(atJwt), await other.ask(atOpaque)], [401, 401]);
  });

  it("signed answers to introspection are verified (RFC 9701)", async () => {
    const { ask } = api({
      issuer: provider.issuer,
      audience: opaque,
      introspection: { ...introspection, signed: true },
    });
    assert.equal(await ask(await tokenFor(opaque)), 200);
    assert.equal(await ask("no-token"), 401);
  });

  it("bound tokens of either kind pass with proofs of their key (RFC 9449 §6 and §7)", async () => {
    for (const audience of [signed, opaque] as const) {
      const dpop = createDpop(await generateDpopKey());
      const access_token = await tokenFor(audience, { dpop });
      const nonceSecret = "a secret for nonces, long enough 0123";
      const { handle, ask } = api({ issuer: provider.issuer, audience, introspection, dpop: { nonceSecret } });
      const answer = await dpopFetch({ dpop, access_token, fetch: handle })(audience);
      assert.equal(answer.status, 200, answer.headers.get("www-authenticate") ?? "");
      const thief = createDpop(await generateDpopKey());
      assert.equal((await dpopFetch({ dpop: thief, access_token, fetch: handle })(audience)).status, 401);
      assert.equal(await ask(access_token), 401);
    }
  });
});

describe("tokens of oauth2-mock-server", () => {
  const server = new OAuth2Server();
  const audience = "https://api.example.test";
  let issuer = "";
  before(async () => {
    await server.issuer.keys.generate("RS256");
    await server.start(await freePort(), "127.0.0.1");
    issuer = server.issuer.url ?? "";
  });
  after(() => server.stop());

  /** A token as it signs them, changed before it is signed. */
  async function tokenWith(change: (token: MutableToken) => void = () => {}): Promise<string> {
    server.service.once(Events.BeforeTokenSigning, (token: MutableToken) => {
      Object.assign(token.payload, { aud: audience, scope: "read", sub: "alice" });
      change(token);
    });
    const metadata = await discover(issuer);
    return (await clientCredentials({ metadata, client: program("app"), scope: "read" })).access_token;
  }
  const typed = ({ header, payload }: MutableToken) => {
    Object.assign(header, { typ: "at+jwt" });
    Object.assign(payload, { client_id: "app", jti: "1" });
  };

  it("as it makes them they pass only where that was said by name; typed as RFC 9068 says, everywhere (RS-02)", async () => {
    const [plain, proper] = [await tokenWith(), await tokenWith(typed)];
    const strict = api({ issuer, audience });
    const lax = api({ issuer, audience, signedTokens: unsafeUntypedTokens() });
    assert.deepEqual([await strict.ask(plain), await lax.ask(plain)], [401, 200]);
    assert.deepEqual([await strict.ask(proper), await lax.ask(proper)], [200, 200]);
  });

  it("lies are refused: issuer, audience, times, type, scope as a list", async () => {
    const { ask } = api({ issuer, audience });
    const past = Math.floor(Date.now() / 1000) - 100;
    const lies: ((token: MutableToken) => void)[] = [
      ({ payload }) => Object.assign(payload, { iss: "https://evil.example" }),
      ({ payload }) => Object.assign(payload, { aud: "app" }),
      ({ payload }) => Object.assign(payload, { exp: past }),
      ({ payload }) => Object.assign(payload, { nbf: past + 1_000 }),
      ({ payload }) => Object.assign(payload, { scope: ["read"] }),
      ({ header }) => Object.assign(header, { typ: "JWT" }),
      ({ header }) => Object.assign(header, { kid: "unknown" }),
    ];
    for (const lie of lies) {
      const token = await tokenWith((made) => {
        typed(made);
        lie(made);
      });
      assert.equal(await ask(token), 401, String(lie));
    }
    assert.equal(await ask(await tokenWith(typed)), 200);
  });

  it("the same sub at two issuers is two people (RS-10)", async () => {
    const other = new OAuth2Server();
    await other.issuer.keys.generate("RS256");
    await other.start(await freePort(), "127.0.0.1");
    try {
      const second = other.issuer.url ?? "";
      other.service.once(Events.BeforeTokenSigning, (token: MutableToken) => {
        Object.assign(token.payload, { aud: audience, scope: "read", sub: "alice" });
        typed(token);
      });
      const elsewhere = await clientCredentials({
        metadata: await discover(second),
        client: program("app"),
        scope: "read",
      });
      const { handle } = api({ audience, issuers: [{ issuer }, { issuer: second }] });
      const keys = [await tokenWith(typed), elsewhere.access_token].map(async (token) => {
        const answer = await handle(audience, { headers: { Authorization: `Bearer ${token}` } });
        return ((await answer.json()) as { key: string }).key;
      });
      assert.deepEqual(await Promise.all(keys), [`person ${issuer} alice`, `person ${second} alice`]);
    } finally {
      await other.stop();
    }
  });
});
