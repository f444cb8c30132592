import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import type { SigningKey } from "@valetkey/protocol/jose";
import { generateKey } from "@valetkey/protocol/jose";
import { experimentalAttestation } from "@valetkey/provider/client-auth/experimental-attestation";
import { none } from "@valetkey/provider/client-auth/none";
import { secretPost } from "@valetkey/provider/client-auth/secret";
import { ask, forge, machine } from "./client-auth-side.ts";
import { codeFor, createWorld, issuer, rp, type TestClient, verifier, type World } from "./op.ts";
import { assertError, type Fields, pub, tokensOf } from "./token-side.ts";

let attester: SigningKey;
let phone: SigningKey;
let tablet: SigningKey;
before(async () => {
  [attester, phone, tablet] = await Promise.all([generateKey("ES256"), generateKey("ES256"), generateKey("ES256")]);
});

const token_endpoint_auth_method = "attest_jwt_client_auth";
const grant = { grant_type: "client_credentials" };

async function ready(
  options: Parameters<typeof experimentalAttestation>[0] = {},
  more: Parameters<typeof createWorld>[0] = {},
) {
  const world = await createWorld({ clientAuth: [secretPost, experimentalAttestation(options), none], ...more });
  const jwks = { keys: [attester.publicJwk] };
  await world.addClient(machine("app", { token_endpoint_auth_method, jwks }));
  const { client_secret: _, ...web } = rp;
  await world.addClient({ ...web, client_id: "native", token_endpoint_auth_method, jwks } as TestClient);
  return world;
}

interface Parts {
  readonly attestation?: Record<string, unknown>;
  readonly proof?: Record<string, unknown>;
  readonly by?: SigningKey;
  readonly attestedBy?: SigningKey;
  readonly typ?: string;
  readonly proofTyp?: string;
}

/** The two headers, right unless changed (§4, §5.1). */
async function headersOf(world: World, parts: Parts = {}, client_id = "app") {
  const { by = phone, attestedBy = attester } = parts;
  const { kid: _, alg: __, use: ___, ...jwk } = by.publicJwk;
  const nothing = { iss: undefined, aud: undefined, jti: undefined };
  const attestation = await forge(
    world,
    attestedBy,
    client_id,
    { ...nothing, cnf: { jwk }, exp: Math.floor(world.clock.now / 1000) + 3600, ...parts.attestation },
    { typ: parts.typ ?? "oauth-client-attestation+jwt" },
  );
  const proof = await forge(
    world,
    by,
    client_id,
    { iss: undefined, sub: undefined, exp: undefined, ...parts.proof },
    { typ: parts.proofTyp ?? "oauth-client-attestation-pop+jwt" },
  );
  return { "oauth-client-attestation": attestation, "oauth-client-attestation-pop": proof };
}

const attempt = async (world: World, parts: Parts = {}, fields: Fields = grant) =>
  ask(world, "/token", fields, { headers: await headersOf(world, parts) });

describe("attestation-based client authentication (experimental; draft-ietf-oauth-attestation-based-client-auth-10)", () => {
  it("authenticates an installation by its attestation and its proof, and is announced (§7.5, §8)", async () => {
    const world = await ready();
    await tokensOf(await attempt(world));
    await tokensOf(await attempt(world, { by: tablet }, { ...grant, client_id: "app" }));
    const { metadata } = world.provider;
    assert.ok(metadata.token_endpoint_auth_methods_supported?.includes(token_endpoint_auth_method));
    assert.ok((metadata.client_attestation_signing_alg_values_supported as string[]).includes("ES256"));
    assert.ok((metadata.client_attestation_pop_signing_alg_values_supported as string[]).includes("ES256"));
  });

  it("the attestation: signed by the client's attester, typed, with an end, about this client, with a public key in it (§7.1)", async () => {
    const world = await ready();
    const now = Math.floor(world.clock.now / 1000);
    for (const parts of [
      { attestedBy: tablet },
      { typ: "jwt" },
      { attestation: { exp: now - 60 } },
      { attestation: { exp: undefined } },
      { attestation: { sub: "native2" } },
      { attestation: { sub: undefined } },
      { attestation: { cnf: undefined } },
      { attestation: { cnf: { jkt: "x" } } },
      { attestation: { cnf: { jwk: phone.privateJwk } } },
      { attestation: { cnf: { jwk: tablet.publicJwk } } },
      { attestation: { cnf: { jwk: { kty: "oct", k: "AAAA" } } } },
      { attestation: { iat: now + 600 } },
    ])
      await assertError(await attempt(world, parts), "invalid_client");
    await assertError(await attempt(world, {}, { ...grant, client_id: "native" }), "invalid_client");
  });

  it("the proof: by the attested key, typed, for this issuer alone, fresh, once (§7.2, §11.1)", async () => {
    const world = await ready();
    const now = Math.floor(world.clock.now / 1000);
    for (const parts of [
      { proofTyp: "dpop+jwt" },
      { proof: { aud: `${issuer}/token` } },
      { proof: { aud: [issuer, "https://other.test"] } },
      { proof: { aud: undefined } },
      { proof: { iat: now - 71 } },
      { proof: { iat: now + 60 } },
      { proof: { iat: undefined } },
      { proof: { jti: undefined } },
      { proof: { jti: "" } },
    ])
      await assertError(await attempt(world, parts), "invalid_client");
    const headers = await headersOf(world);
    await tokensOf(await ask(world, "/token", grant, { headers }));
    await assertError(await ask(world, "/token", grant, { headers }), "invalid_client");
    // Whoever saw one attestation and has a proof of another.
    const mixed = {
      ...headers,
      "oauth-client-attestation-pop": (await headersOf(world, { by: tablet }))["oauth-client-attestation-pop"],
    };
    await assertError(await ask(world, "/token", grant, { headers: mixed }), "invalid_client");
  });

  it("one header of each, both, and no second method beside them (§7.1, RFC 6749 §2.3)", async () => {
    const world = await ready();
    const { "oauth-client-attestation": one, "oauth-client-attestation-pop": proof } = await headersOf(world);
    const send = (headers: Record<string, string>, fields: Fields = grant) => ask(world, "/token", fields, { headers });
    await assertError(
      await send({ "oauth-client-attestation": `${one}, ${one}`, "oauth-client-attestation-pop": proof }),
      "invalid_client",
    );
    await assertError(
      await send({ "oauth-client-attestation": one }, { ...grant, client_id: "app" }),
      "invalid_client",
    );
    await assertError(
      await send({ "oauth-client-attestation-pop": proof }, { ...grant, client_id: "app" }),
      "invalid_client",
    );
    const secret = { ...grant, client_id: "app", client_secret: "x".repeat(40) };
    await assertError(await send(await headersOf(world), secret), "invalid_request");
    await assertError(await ask(world, "/token", { ...grant, client_id: "app" }), "invalid_client");
    // Who attests is not taken for a public client, and who is one has nothing to attest.
    await world.addClient({ ...pub, client_id: "open" });
    const open = await ask(world, "/token", { grant_type: "authorization_code", client_id: "open", code: "x" });
    await assertError(open, "invalid_grant");
    await assertError(
      await send(await headersOf(world, {}, "open"), {
        grant_type: "authorization_code",
        client_id: "open",
        code: "x",
      }),
      "invalid_client",
    );
  });

  it("asks for its challenge if told so, and takes it once per proof (§6.2, §7.4)", async () => {
    const world = await ready({ challenges: true });
    const response = await attempt(world);
    const challenge = response.headers.get("oauth-client-attestation-challenge") ?? "";
    await assertError(response, "use_attestation_challenge");
    await tokensOf(await attempt(world, { proof: { challenge } }));
    for (const wrong of ["", "made up", 7, null])
      await assertError(await attempt(world, { proof: { challenge: wrong } }), "use_attestation_challenge");
    world.clock.advance(300);
    await assertError(await attempt(world, { proof: { challenge } }), "use_attestation_challenge");
  });

  it("what one installation was given another does not refresh, attested as it may be (§9.3)", async () => {
    const world = await ready();
    const code = await codeFor(world, "alice", {
      client_id: "native",
      scope: "openid offline_access",
      prompt: "consent",
    });
    const redeem = {
      grant_type: "authorization_code",
      code,
      code_verifier: verifier,
      redirect_uri: "https://rp.test/cb",
    };
    const on = async (fields: Fields, by: SigningKey) =>
      ask(world, "/token", fields, { headers: await headersOf(world, { by }, "native") });
    const { refresh_token } = await tokensOf(await on(redeem, phone));
    const refresh = { grant_type: "refresh_token", refresh_token };
    await assertError(await on(refresh, tablet), "invalid_grant");
    const next = await tokensOf(await on(refresh, phone));
    assert.ok(next.refresh_token);
  });

  it("attesters may be the server's choice instead of the client's keys", async () => {
    const world = await ready({ attestersOf: () => ({ keys: [tablet.publicJwk] }) });
    await assertError(await attempt(world), "invalid_client");
    await tokensOf(await attempt(world, { attestedBy: tablet }));
  });
});
