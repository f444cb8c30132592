/**
 * Client authentication by a JWT under the client's secret: `client_secret_jwt` (OpenID Connect Core §9, RFC 7523 §2.2).
 *
 * The secret stays off the wire, but the server must be able to read it: see `client-secrets.ts`. Where a choice is left,
 * `private_key_jwt` is the better one. Guarantees that a secret which has expired, or is too short for the hash, verifies nothing.
 */
import { isOAuthError } from "@valetkey/protocol/errors";
import { JwtError } from "@valetkey/protocol/jose";
import { type HmacAlgorithm, hmacAlgorithms } from "@valetkey/protocol/secret-jwt";
import { readSecrets } from "../client-secrets.ts";
import { text } from "../lib/client-members.ts";
import { algorithmsFor, readOwnAssertion, verifyOnce } from "./assertion.ts";
import type { ClientAuthMethod } from "./method.ts";
import { checkSigningAlgorithm, signingAlgorithms } from "./private-key-jwt.ts";

/**
 * `client_secret_jwt`: HS256, HS384 and HS512 unless `algorithms` says less. `maxLifetime`: seconds an assertion may count for, 600
 * unless given; those of Authlib count for 3600.
 */
export function secretJwt(
  options: { readonly algorithms?: readonly HmacAlgorithm[]; readonly maxLifetime?: number } = {},
): ClientAuthMethod {
  const { algorithms = hmacAlgorithms, maxLifetime = 600 } = options;
  return {
    method: "client_secret_jwt",
    secret: "readable",
    members: { token_endpoint_auth_signing_alg: text(20) },
    metadata: () => signingAlgorithms(algorithms),
    read: (_request, form) => readOwnAssertion(form, "secret"),

    async verify(op, client, _request, { client_assertion = "" }) {
      const accepted = algorithmsFor(client, algorithms);
      // During a rotation there are two, and the assertion does not say which.
      for (const client_secret of await readSecrets(op, client.entry.data)) {
        const verifier = { client_secret, algorithms: accepted.filter((alg) => isLongEnough(client_secret, alg)) };
        try {
          return await verifyOnce(op, client, client_assertion, verifier, { maxLifetime });
        } catch (error) {
          if (!isOAuthError(error, "invalid_client") || !isWrongKey(error.cause)) throw error;
        }
      }
      return false;
    },

    check: (metadata) => checkSigningAlgorithm(metadata, algorithms),
  };
}

/** RFC 7518 §3.2: the key is at least as long as the hash. */
const isLongEnough = (secret: string, alg: HmacAlgorithm): boolean => secret.length * 8 >= Number(alg.slice(2));

const isWrongKey = (cause: unknown): boolean =>
  cause instanceof JwtError && (cause.code === "signature" || cause.code === "algorithm");
