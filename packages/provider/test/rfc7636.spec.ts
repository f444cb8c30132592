import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Client } from "@valetkey/provider/clients";
import { pkceAlways, pkceForPublicClients, pkceOrNonce } from "@valetkey/provider/pkce-policy";
import { codeFor, createWorld, verifier } from "./op.ts";
import { assertError, pub, redeem, tokensOf } from "./token-side.ts";

const without = { code_challenge: undefined, code_challenge_method: undefined };

describe("the verifier at the token endpoint (RFC 7636 §4.6)", () => {
  it("must be there, be well formed and fit the challenge", async () => {
    const world = await createWorld();
    for (const code_verifier of [
      undefined,
      "short",
      `${verifier}x`,
      verifier.toLowerCase(),
      "é".repeat(43),
      "a".repeat(129),
    ]) {
      await assertError(await redeem(world, await codeFor(world, "alice"), { code_verifier }), "invalid_grant");
    }
    await tokensOf(await redeem(world, await codeFor(world, "alice")));
  });

  it("must not be there if there was no challenge: somebody took it away (RFC 9700 §4.8.2)", async () => {
    const world = await createWorld({ pkce: pkceForPublicClients });
    await assertError(await redeem(world, await codeFor(world, "alice", without)), "invalid_grant");
    await tokensOf(await redeem(world, await codeFor(world, "alice", without), { code_verifier: undefined }));
  });

  it("is asked for whenever a challenge was sent, whatever the policy", async () => {
    const world = await createWorld({ pkce: pkceForPublicClients });
    await assertError(
      await redeem(world, await codeFor(world, "alice"), { code_verifier: undefined }),
      "invalid_grant",
    );
  });

  it("protects a public client's code from everybody who only has the code", async () => {
    const world = await createWorld();
    await world.addClient(pub);
    const code = await codeFor(world, "alice", { client_id: "pub", redirect_uri: "https://pub.test/cb" });
    await assertError(await redeem(world, code, { code_verifier: "q".repeat(43) }, pub), "invalid_grant");
    await tokensOf(await redeem(world, code, {}, pub));
  });
});

describe("who must send a challenge (RFC 9700 §2.1.1, P6)", () => {
  const client = (confidential: boolean) => ({ confidential }) as Client;
  for (const [policy, name, table] of [
    [
      pkceAlways,
      "everybody, unless told otherwise",
      { public: true, publicNonce: true, confidential: true, confidentialNonce: true },
    ],
    [
      pkceOrNonce,
      "all but confidential clients with a nonce",
      { public: true, publicNonce: true, confidential: true, confidentialNonce: false },
    ],
    [
      pkceForPublicClients,
      "public clients",
      { public: true, publicNonce: true, confidential: false, confidentialNonce: false },
    ],
  ] as const) {
    it(name, () => {
      assert.deepEqual(
        {
          public: policy({ client: client(false), nonce: undefined }),
          publicNonce: policy({ client: client(false), nonce: "n" }),
          confidential: policy({ client: client(true), nonce: undefined }),
          confidentialNonce: policy({ client: client(true), nonce: "n" }),
        },
        table,
      );
    });
  }
});
