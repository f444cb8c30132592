/**
 * The metadata document with a signature over itself: `signed_metadata` (RFC 8414 §2.1).
 *
 * For whoever got the issuer's keys in another way than by its URL. Guarantees that what is signed is what stands beside it.
 */
import { signJwt } from "@valetkey/protocol/jose";
import type { SigningAlg } from "./op.ts";
import type { Extension } from "./part.ts";

/** For `extensions`. `alg`: one there is a key for; the first of them unless given. */
export function signedMetadata({ alg: wanted }: { readonly alg?: SigningAlg } = {}): Extension {
  return {
    extension: "signed_metadata",
    async document(op, metadata) {
      const alg = wanted ?? op.keys.algs[0] ?? "RS256";
      const { kid, key } = await op.keys.signing(alg);
      const iat = Math.floor(op.now() / 1000);
      // RFC 8725 §3.11: no other JWT of ours passes for it, nor it for another.
      const jwt = await signJwt({ ...metadata, iss: op.issuer, iat }, { key, alg, kid, typ: "metadata+jwt" });
      return { ...metadata, signed_metadata: jwt };
    },
  };
}
