/**
 * A foreign client at our server: `openid-client`, written by others from the same specifications.
 *
 * OpenID Connect Core 1.0 §3.1, Discovery 1.0, RP-Initiated Logout 1.0; RFC 6749, 7009, 7591, 7592, 7636, 7662, 9207. What
 * it checks by itself (iss, state, PKCE, nonce, at_hash, signatures, aud) it checks here.
 */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import * as openid from "openid-client";
import { createBrowser } from "./lib/browser.ts";
import { callback, codeAndRefresh, strangersCallback, useWorld } from "./lib/fixtures.ts";
import { walk } from "./lib/flow.ts";

const goodbye = "http://127.0.0.1:9/goodbye";
const insecure = { execute: [openid.allowInsecureRequests] };

describe("openid-client signs in at our server", () => {
  const world = useWorld(() => ({
    args: ["--registration", "open"],
    config: { scopes: { "jobs:run": "Run jobs" } },
    clients: {
      post: { name: "Post", auth: "client_secret_post" },
      service: { name: "Service", grant_types: ["client_credentials"], redirect_uris: [], scope: "jobs:run" },
      leaving: { name: "Leaving", post_logout_redirect_uris: [goodbye] },
    },
  }));
  let config: openid.Configuration;

  before(async () => {
    const { issuer, conf } = world();
    config = await openid.discovery(
      new URL(issuer),
      conf.client_id,
      conf.client_secret,
      openid.ClientSecretBasic(conf.client_secret),
      insecure,
    );
  });

  /** Through the pages as alice, and back with tokens. */
  async function signIn(configuration: openid.Configuration, scope: string, more: Record<string, string> = {}) {
    const { issuer, alice } = world();
    const pkceCodeVerifier = openid.randomPKCECodeVerifier();
    const expectedState = openid.randomState();
    const expectedNonce = openid.randomNonce();
    const url = openid.buildAuthorizationUrl(configuration, {
      redirect_uri: callback,
      scope,
      code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: "S256",
      state: expectedState,
      nonce: expectedNonce,
      ...more,
    });
    const browser = createBrowser(issuer);
    const end = await walk(browser, url, { user: alice });
    const tokens = await openid.authorizationCodeGrant(configuration, end.url, {
      pkceCodeVerifier,
      expectedState,
      expectedNonce,
      idTokenExpected: true,
    });
    return { tokens, browser };
  }

  it("finds the same metadata by OpenID Connect Discovery and by RFC 8414", async () => {
    const { issuer, conf } = world();
    const other = await openid.discovery(
      new URL(issuer),
      conf.client_id,
      conf.client_secret,
      openid.ClientSecretBasic(conf.client_secret),
      {
        ...insecure,
        algorithm: "oauth2",
      },
    );
    assert.deepEqual(other.serverMetadata(), config.serverMetadata());
    const server = config.serverMetadata();
    assert.equal(server.issuer, issuer);
    assert.equal(server.authorization_response_iss_parameter_supported, true);
    assert.deepEqual(server.code_challenge_methods_supported, ["S256"]);
    assert.deepEqual(server.response_types_supported, ["code"]);
    assert.ok(!(server.grant_types_supported ?? []).includes("password"));
    assert.equal(server.registration_endpoint, `${issuer}/register`);
  });

  it("gets an ID token, claims, a second access token by refresh, and sees both die when it revokes", async () => {
    const { alice } = world();
    const { tokens } = await signIn(config, "openid profile email offline_access", { prompt: "consent" });
    const claims = tokens.claims();
    assert.ok(claims);
    assert.equal(claims.sub, alice.subject);
    assert.equal(typeof claims.auth_time, "number");

    const person = await openid.fetchUserInfo(config, tokens.access_token, claims.sub);
    assert.equal(person.email, alice.email);
    assert.equal(person.name, alice.name);

    const first = await openid.tokenIntrospection(config, tokens.access_token);
    assert.equal(first.active, true);
    assert.equal(first.sub, alice.subject);

    assert.ok(tokens.refresh_token);
    const again = await openid.refreshTokenGrant(config, tokens.refresh_token);
    assert.notEqual(again.access_token, tokens.access_token);
    assert.notEqual(again.refresh_token, tokens.refresh_token);
    // OpenID Connect Core §12.2: the same person, the same client, the same sign-in.
    const renewed = again.claims();
    assert.ok(renewed);
    assert.deepEqual(
      [renewed.iss, renewed.sub, renewed.aud, renewed.auth_time],
      [claims.iss, claims.sub, claims.aud, claims.auth_time],
    );

    assert.ok(again.refresh_token);
    await openid.tokenRevocation(config, again.refresh_token);
    for (const token of [tokens.access_token, again.access_token, again.refresh_token]) {
      assert.equal((await openid.tokenIntrospection(config, token)).active, false);
    }
    await assert.rejects(openid.refreshTokenGrant(config, again.refresh_token), { error: "invalid_grant" });
    await assert.rejects(openid.fetchUserInfo(config, again.access_token, claims.sub));
  });

  it("signs in as a public client, with PKCE alone", async () => {
    const { issuer, pub, alice } = world();
    const open = await openid.discovery(new URL(issuer), pub.client_id, undefined, openid.None(), insecure);
    const { tokens } = await signIn(open, "openid");
    assert.equal(tokens.claims()?.sub, alice.subject);
    assert.ok(tokens.refresh_token);
    assert.ok((await openid.refreshTokenGrant(open, tokens.refresh_token)).access_token);
  });

  it("authenticates with client_secret_post where it registered for it", async () => {
    const { issuer, client, alice } = world();
    const post = client("post");
    const posted = await openid.discovery(
      new URL(issuer),
      post.client_id,
      post.client_secret,
      openid.ClientSecretPost(post.client_secret),
      insecure,
    );
    const { tokens } = await signIn(posted, "openid");
    assert.equal(tokens.claims()?.sub, alice.subject);
    assert.equal(tokens.refresh_token, undefined, "it did not register for refresh tokens");
  });

  it("asks for a token of its own by client_credentials", async () => {
    const { issuer, client } = world();
    const svc = client("service");
    const service = await openid.discovery(
      new URL(issuer),
      svc.client_id,
      svc.client_secret,
      openid.ClientSecretBasic(svc.client_secret),
      insecure,
    );
    const tokens = await openid.clientCredentialsGrant(service, { scope: "jobs:run" });
    assert.equal(tokens.scope, "jobs:run");
    assert.equal(tokens.refresh_token, undefined);
    assert.equal(tokens.id_token, undefined);
    assert.equal((await openid.tokenIntrospection(service, tokens.access_token)).active, true);
  });

  it("signs out: RP-initiated logout with the ID token goes to the registered address, with state, and the session is over", async () => {
    const { issuer, client } = world();
    const app = client("leaving");
    const leaving = await openid.discovery(
      new URL(issuer),
      app.client_id,
      app.client_secret,
      openid.ClientSecretBasic(app.client_secret),
      insecure,
    );
    const { tokens, browser } = await signIn(leaving, "openid");
    assert.ok(tokens.id_token);
    const url = openid.buildEndSessionUrl(leaving, {
      id_token_hint: tokens.id_token,
      post_logout_redirect_uri: goodbye,
      state: "so long",
    });
    let page = await browser.open(url);
    if (page.has("confirm")) page = await browser.press(page, "confirm");
    assert.equal(page.foreign, true, page.text);
    assert.equal(`${page.url.origin}${page.url.pathname}`, goodbye);
    assert.equal(page.url.searchParams.get("state"), "so long");
    const after = await browser.open(
      openid.buildAuthorizationUrl(leaving, {
        redirect_uri: callback,
        scope: "openid",
        prompt: "none",
        state: "s",
        code_challenge: await openid.calculatePKCECodeChallenge(openid.randomPKCECodeVerifier()),
        code_challenge_method: "S256",
      }),
    );
    assert.equal(after.url.searchParams.get("error"), "login_required");
  });

  for (const alg of ["RS256", "ES256", "EdDSA"]) {
    it(`registers itself for ${alg} and gets ID tokens signed with it`, async () => {
      const { issuer, alice } = world();
      const registered = await openid.dynamicClientRegistration(
        new URL(issuer),
        {
          redirect_uris: [strangersCallback],
          client_name: `Signed with ${alg}`,
          grant_types: codeAndRefresh,
          id_token_signed_response_alg: alg,
          token_endpoint_auth_method: "client_secret_post",
        },
        undefined,
        insecure,
      );
      openid.enableNonRepudiationChecks(registered);
      const { tokens } = await signIn(registered, "openid", { redirect_uri: strangersCallback });
      assert.equal(tokens.claims()?.sub, alice.subject);
      const header = JSON.parse(Buffer.from(tokens.id_token?.split(".")[0] ?? "", "base64url").toString()) as {
        alg: string;
        kid: string;
      };
      // RFC 9864 names what RFC 8037 called EdDSA more exactly; discovery says which name is used.
      assert.equal(header.alg, alg);
      assert.ok((config.serverMetadata().id_token_signing_alg_values_supported as string[]).includes(alg));
    });
  }

  describe("registration management (RFC 7592)", () => {
    let registered: openid.ClientMetadata;
    before(async () => {
      const made = await openid.dynamicClientRegistration(
        new URL(world().issuer),
        { redirect_uris: [strangersCallback], client_name: "Managed" },
        undefined,
        insecure,
      );
      registered = made.clientMetadata();
    });

    const manage = (method: string, body?: unknown, token = registered.registration_access_token) =>
      fetch(String(registered.registration_client_uri), {
        method,
        headers: {
          Authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });

    it("reads, changes and deletes what it registered, with its registration access token only", async () => {
      const got = await manage("GET");
      assert.equal(got.status, 200);
      assert.equal(got.headers.get("Cache-Control"), "no-store");
      const now = (await got.json()) as Record<string, unknown>;
      assert.equal(now.client_name, "Managed");
      assert.equal((await manage("GET", undefined, "vk_wrong")).status, 401);

      const {
        registration_access_token: _token,
        registration_client_uri: _uri,
        client_secret_expires_at: _at,
        client_id_issued_at: _when,
        ...metadata
      } = now;
      const changed = await manage("PUT", { ...metadata, client_name: "Managed well" });
      assert.equal(changed.status, 200, await changed.clone().text());
      const answer = (await changed.json()) as Record<string, unknown>;
      assert.equal(answer.client_name, "Managed well");
      assert.equal(answer.client_id, registered.client_id);

      const token = answer.registration_access_token ?? registered.registration_access_token;
      assert.equal((await manage("DELETE", undefined, token as string)).status, 204);
      assert.equal((await manage("GET", undefined, token as string)).status, 401);
    });
  });
});
