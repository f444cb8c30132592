/**
 * Client authentication by a JWT under a private key of the client: `private_key_jwt`.
 *
 * OpenID Connect Core §9, RFC 7523 §2.2 and §3 as updated by RFC 10070 §4: the audience is this issuer and nobody else. Guarantees
 * that an assertion made for another server, by another client or with an algorithm that was not agreed on convinces nobody.
 */
import { invalidClientMetadata } from "@valetkey/protocol/errors";
import { decodeUnverified } from "@valetkey/protocol/jose";
import type { JwsAlgorithm } from "@valetkey/protocol/jwk";
import { isLoopbackHost } from "@valetkey/protocol/loopback";
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import { clientKeyMembers, keysOfClient } from "../client-keys.ts";
import { type Client, isStranger } from "../clients.ts";
import { text } from "../lib/client-members.ts";
import { algorithmsFor, readOwnAssertion, verifyOnce } from "./assertion.ts";
import type { ClientAuthMethod } from "./method.ts";

const usual: readonly JwsAlgorithm[] = ["ES256", "PS256", "EdDSA", "Ed25519", "RS256", "ES384", "PS384"];

/**
 * `private_key_jwt`. `legacyAudiences`: assertions for the token endpoint, or for the endpoint they are sent to, count too, for
 * clients from before RFC 10070; such an assertion can be had by whoever makes a client believe in a wrong token endpoint.
 * `plainAudience`: the audience must be a text, not a list of one (FAPI 2.0 Security Profile §5.3.2.1). `maxLifetime`: seconds an
 * assertion may count for, 600 unless given; those of Authlib count for 3600.
 */
export function privateKeyJwt(
  options: {
    readonly algorithms?: readonly JwsAlgorithm[];
    readonly legacyAudiences?: boolean;
    readonly plainAudience?: boolean;
    readonly maxLifetime?: number;
  } = {},
): ClientAuthMethod {
  const { algorithms = usual, legacyAudiences = false, plainAudience = false, maxLifetime = 600 } = options;
  return {
    method: "private_key_jwt",
    members: { ...clientKeyMembers, token_endpoint_auth_signing_alg: text(20) },
    metadata: () => signingAlgorithms(algorithms),
    read: (_request, form) => readOwnAssertion(form, "key"),

    async verify(op, client, request, { client_assertion = "" }) {
      const keys = keysOfClient(op, client);
      const accepted = algorithmsFor(client, algorithms);
      if (keys === undefined || accepted.length === 0) return false;
      if (plainAudience && typeof decodeUnverified(client_assertion).claims.aud !== "string") return false;
      const called = new URL(new URL(request.url).pathname, op.issuer).href;
      const formerAudiences = legacyAudiences ? [op.urls.token, called] : [];
      const verifier = { keys, algorithms: accepted };
      return verifyOnce(op, client, client_assertion, verifier, { formerAudiences, maxLifetime });
    },

    check(metadata, provenance) {
      checkHasKeys(metadata, provenance);
      checkSigningAlgorithm(metadata, algorithms);
    },
  };
}

/** What discovery says of the algorithms of assertions, for every endpoint that takes them (RFC 8414 §2). */
export function signingAlgorithms(algorithms: readonly string[]) {
  const all = [...algorithms];
  return {
    token_endpoint_auth_signing_alg_values_supported: all,
    revocation_endpoint_auth_signing_alg_values_supported: all,
    introspection_endpoint_auth_signing_alg_values_supported: all,
  };
}

/** RFC 7591 §2: `token_endpoint_auth_signing_alg` is one this method accepts. */
export function checkSigningAlgorithm(metadata: ClientMetadata, algorithms: readonly string[]): void {
  const { token_endpoint_auth_signing_alg: alg } = metadata;
  if (alg !== undefined && !algorithms.includes(alg))
    throw invalidClientMetadata(`token_endpoint_auth_signing_alg must be one of ${algorithms.join(", ")}`);
}

/** A client that proves itself by its keys has some, and nobody on the way can exchange them. */
export function checkHasKeys({ jwks, jwks_uri, ...metadata }: ClientMetadata, provenance: Client["provenance"]): void {
  if (jwks === undefined && jwks_uri === undefined)
    throw invalidClientMetadata(`${metadata.token_endpoint_auth_method} needs jwks or jwks_uri`);
  if (jwks_uri === undefined) return;
  const { protocol, hostname } = new URL(jwks_uri);
  if (protocol !== "https:" && (isStranger({ provenance }) || !isLoopbackHost(hostname)))
    throw invalidClientMetadata("jwks_uri must be an https URL");
}
