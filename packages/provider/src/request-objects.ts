/**
 * Whether clients may send their authorization requests as signed JWTs, and how (RFC 9101, OpenID Connect Core §6).
 */
import { type JweAlgorithm, type Jwk, type JwsAlgorithm, jweEncryptions } from "@valetkey/protocol/jwk";
import { clientKeyMembers } from "./client-keys.ts";
import { boolean, oneOf, texts } from "./lib/client-members.ts";
import type { Part } from "./part.ts";

/** Made by `requestObjects()`. */
export interface RequestObjects extends Part {
  /** Every client must send one. */
  readonly required: boolean;
  /** Whether `request_uri` may point to one. */
  readonly byReference: boolean;
  readonly algorithms: readonly JwsAlgorithm[];
  readonly encryption: RequestEncryption | undefined;
  /** Seconds an object may live; it must have `exp` and `nbf` then. `undefined`: `exp` is looked at if it is there. */
  readonly maxLifetime: number | undefined;
}

/** Keys that request objects may be encrypted for: private JWKs; their public halves are published. */
export interface RequestEncryption {
  readonly keys: readonly Jwk[];
  readonly algorithms: readonly JweAlgorithm[];
}

/** Lets clients send signed requests: by value, and by reference if `byReference` is set. */
export function requestObjects(
  options: {
    readonly required?: boolean;
    readonly byReference?: boolean;
    readonly algorithms?: readonly JwsAlgorithm[];
    readonly encryption?: RequestEncryption;
    readonly maxLifetime?: number;
  } = {},
): RequestObjects {
  const { required = false, byReference = false, encryption, maxLifetime } = options;
  const algorithms = options.algorithms ?? ["RS256", "PS256", "ES256", "EdDSA"];
  return {
    required,
    byReference,
    algorithms,
    encryption,
    maxLifetime,
    members: {
      ...clientKeyMembers,
      request_object_signing_alg: oneOf(...algorithms),
      require_signed_request_object: boolean,
      ...(byReference ? { request_uris: texts(50, 2048) } : {}),
      ...(encryption === undefined
        ? {}
        : {
            request_object_encryption_alg: oneOf(...encryption.algorithms),
            request_object_encryption_enc: oneOf(...jweEncryptions),
          }),
    },
    metadata: () => ({
      request_parameter_supported: true,
      request_uri_parameter_supported: byReference,
      ...(byReference ? { require_request_uri_registration: true } : {}),
      ...(required ? { require_signed_request_object: true } : {}),
      request_object_signing_alg_values_supported: [...algorithms],
      ...(encryption === undefined
        ? {}
        : {
            request_object_encryption_alg_values_supported: [...encryption.algorithms],
            request_object_encryption_enc_values_supported: [...jweEncryptions],
          }),
    }),
  };
}
