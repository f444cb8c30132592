/**
 * Signing keys for tests: made when they are first needed, kept in memory, never rotated.
 *
 * RFC 7517 §5. Making an RSA key takes a tenth of a second, an elliptic one a thousandth: a test that needs no RSA pays for none.
 */
import { generateKey, importKey, type SigningKey } from "@valetkey/protocol/jose";
import type { Keys, SigningAlg } from "../op.ts";

/**
 * Makes keys. Access tokens are signed with ES256, ID tokens as the client registered, with RS256 if it did not say. Servers of
 * one test file may share them: `const keys = testKeys()`, `startTestServer({ keys, … })`.
 */
export function testKeys(): Keys {
  const made = new Map<SigningAlg, Promise<SigningKey>>();
  const keyFor = (alg: SigningAlg): Promise<SigningKey> => {
    const key = made.get(alg) ?? generateKey(alg);
    made.set(alg, key);
    return key;
  };
  return {
    algs: ["ES256", "RS256"],
    async signing(alg) {
      const { kid, privateJwk } = await keyFor(alg);
      const key = await importKey(privateJwk);
      return { kid, alg, key };
    },
    async published() {
      // A set without any key is one that others refuse.
      await keyFor("ES256");
      const keys = await Promise.all(made.values());
      return { keys: keys.map(({ publicJwk }) => publicJwk) };
    },
  };
}
