/**
 * The client's grants without a browser against a foreign end: `oidc-provider`, written by others from the same specifications.
 *
 * RFC 6749 §4.4, RFC 7523, RFC 7591, RFC 7592, RFC 7662, RFC 8628, RFC 10070, CIBA Core. Certificates: client-certificates.test.ts.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import {
  pollBackchannelAuthentication,
  startBackchannelAuthentication,
} from "@valetkey/client/backchannel-authentication";
import type { ClientAuthentication } from "@valetkey/client/client-authentication";
import { clientCredentials } from "@valetkey/client/client-credentials";
import { pollDevice, startDeviceAuthorization } from "@valetkey/client/device";
import { checkIdToken } from "@valetkey/client/id-token";
import { introspectToken } from "@valetkey/client/introspect";
import { deleteRegistration, readRegistration, registerClient, updateRegistration } from "@valetkey/client/register";
import { revokeToken } from "@valetkey/client/revoke";
import { generateKey, type KeyResolver, type SigningKey } from "@valetkey/protocol/jose";
import type { ServerMetadata } from "@valetkey/protocol/metadata";
import type { ForeignGrants } from "./lib/foreign-grants.ts";
import { type GrantClients, is, redirect_uri, secret, startGrantClients } from "./lib/grant-clients.ts";

/** The foreign end asks for patience in seconds; here they pass at once. */
const wait = async () => {};

describe("our client's grants at oidc-provider", () => {
  let all: GrantClients;
  let provider: ForeignGrants;
  let metadata: ServerMetadata;
  let key: SigningKey;
  let keys: KeyResolver;
  before(async () => {
    all = await startGrantClients();
    ({ provider, metadata, key, keys } = all);
  });
  after(() => all?.[Symbol.asyncDispose]());

  for (const name of ["basic", "post", "shared", "signing"] as const) {
    it(`a client that proves itself by ${name} gets a token of its own, introspects and revokes it`, async () => {
      const options = { metadata, client: all.clientOf(name) };
      const { access_token, expiresAt } = await clientCredentials(options);
      assert.ok(expiresAt && expiresAt > Date.now());
      const alive = await introspectToken({ ...options, token: access_token });
      assert.deepEqual([alive.active, alive.client_id], [true, name]);
      assert.equal(await revokeToken({ ...options, token: access_token }), true);
      assert.deepEqual(await introspectToken({ ...options, token: access_token }), { active: false });
    });
  }

  it("a wrong secret or key is refused, by name", async () => {
    const other = await generateKey("ES256");
    const wrong: ClientAuthentication[] = [
      { client_id: "shared", client_secret: `${secret}x`, token_endpoint_auth_method: "client_secret_jwt" },
      {
        client_id: "signing",
        token_endpoint_auth_method: "private_key_jwt",
        private_key: other.privateJwk,
        alg: "ES256",
      },
    ];
    for (const client of wrong) {
      await assert.rejects(clientCredentials({ metadata, client }), is("token_refused", "invalid_client"));
    }
    // Made for another issuer, it is worth nothing here (RFC 10070).
    const elsewhere = { ...metadata, issuer: "http://localhost:1" };
    await assert.rejects(
      clientCredentials({ metadata: elsewhere, client: all.clientOf("signing") }),
      is("token_refused", "invalid_client"),
    );
  });

  it("a device: waits, is allowed, gets its tokens; or is denied (RFC 8628)", async () => {
    const options = { metadata, client: all.clientOf("tv") };
    for (const allow of [true, false]) {
      const device = await startDeviceAuthorization({ ...options, scope: "openid offline_access" });
      assert.ok(device.verification_uri.startsWith(provider.issuer));
      let polls = 0;
      const decide = async () => {
        if (++polls === 3) await provider.decideDevice(device.user_code, allow);
      };
      const polling = pollDevice(device, { ...options, wait: decide });
      if (!allow) {
        await assert.rejects(polling, is("access_denied"));
        continue;
      }
      const { id_token, refresh_token } = await polling;
      assert.equal(polls, 3);
      const checks = { issuer: provider.issuer, client_id: "tv", keys, alg: "RS256", now: Date.now() } as const;
      assert.equal((await checkIdToken(id_token, checks)).sub, provider.person);
      assert.ok(refresh_token);
      await assert.rejects(pollDevice(device, { ...options, wait }), is("token_refused", "invalid_grant"));
    }
  });

  it("a till: the person decides on their phone (CIBA), and the request is signed", async () => {
    const options = { metadata, client: all.clientOf("till") };
    const signer = { private_key: key.privateJwk, alg: key.alg };
    const start = { ...options, signer, scope: "openid", binding_message: "W4SCT" };
    for (const allow of [true, false]) {
      const request = await startBackchannelAuthentication({ ...start, hint: { login_hint: "frida" } });
      let polls = 0;
      const decide = async () => {
        if (++polls === 2) await provider.decideBackchannel(request.auth_req_id, allow);
      };
      const polling = pollBackchannelAuthentication(request, { ...options, wait: decide });
      if (!allow) {
        await assert.rejects(polling, is("access_denied"));
        continue;
      }
      const checks = { issuer: provider.issuer, client_id: "till", keys, alg: "ES256", now: Date.now() } as const;
      assert.equal((await checkIdToken((await polling).id_token, checks)).sub, provider.person);
    }
    await assert.rejects(
      startBackchannelAuthentication({ ...start, hint: { login_hint: "nobody" } }),
      is("authorization_refused", "unknown_user_id"),
    );
  });

  it("registers, uses, reads, changes and deletes a client of its own (RFC 7591, RFC 7592)", async () => {
    const client = {
      redirect_uris: [redirect_uri],
      client_name: "One",
      token_endpoint_auth_method: "client_secret_post",
    };
    await assert.rejects(registerClient({ metadata, client }), is("authorization_refused"));
    const initial_access_token = "initial-access-token";
    await assert.rejects(
      registerClient({ metadata, initial_access_token, client: { ...client, redirect_uris: ["x"] } }),
      is("authorization_refused", "invalid_redirect_uri"),
    );
    const first = await registerClient({ metadata, initial_access_token, client });
    assert.ok(first.client_secret && first.management);
    const read = await readRegistration({ registered: first });
    assert.equal(read.client.client_name, "One");
    const updated = await updateRegistration({ registered: read, client: { ...read.client, client_name: "Two" } });
    assert.equal(updated.client.client_name, "Two");
    assert.notEqual(updated.management?.registration_access_token, first.management.registration_access_token);
    await assert.rejects(readRegistration({ registered: first }), is("authorization_refused"));
    await deleteRegistration({ registered: updated });
    await assert.rejects(readRegistration({ registered: updated }), is("authorization_refused"));
  });
});
