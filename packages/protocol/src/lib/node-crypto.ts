/**
 * What is used of `node:crypto` where it exists: WebCrypto sends each hash and each signature through a pool of threads.
 *
 * Guarantees nothing where there is no Node: it is asked for, not imported, and then it is not there.
 */
import type { Jwk } from "../jwk.ts";

type Data = string | Uint8Array;

/** Node's `KeyObject`, as far as it is looked at. */
export interface KeyHere {
  readonly asymmetricKeyType?: string;
  readonly asymmetricKeyDetails?: {
    readonly namedCurve?: string;
    readonly modulusLength?: number;
    readonly publicExponent?: bigint;
  };
}

/** A key alone costs Node less to look at than one among options. */
export type How = KeyHere | { readonly key: KeyHere; readonly padding: number; readonly saltLength: number };

interface NodeCrypto {
  hash(algorithm: "sha256", data: Data, encoding: "base64url"): string;
  hash(algorithm: "sha256", data: Data, encoding: "buffer"): Uint8Array<ArrayBuffer>;
  createHmac(algorithm: "sha256", key: Data): { update(text: string): { digest(): Uint8Array } };
  createPrivateKey(key: { key: Jwk; format: "jwk" }): KeyHere;
  createPublicKey(key: { key: Jwk; format: "jwk" }): KeyHere;
  sign(digest: "sha256" | null, data: Uint8Array, how: How): Uint8Array;
  verify(digest: "sha256" | null, data: Uint8Array, how: How, signature: Uint8Array): boolean;
}

export const node = (
  globalThis as { process?: { getBuiltinModule?(name: string): NodeCrypto | undefined } }
).process?.getBuiltinModule?.("node:crypto");
