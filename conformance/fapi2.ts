/**
 * The FAPI 2.0 Security Profile: pushed requests, `private_key_jwt`, access tokens bound by DPoP, plain OAuth.
 *
 * FAPI 2.0 Security Profile §5.3.2. Guarantees that the suite holds the private keys whose public halves our server was given.
 */
import { generateKey } from "@valetkey/protocol/jose";
import { fapi2 as profile } from "@valetkey/provider/profiles/fapi2";
import { apiScope, apiUrl } from "./api.ts";
import type { Place, Plan } from "./plans.ts";

const alias = "valetkey-fapi2";

/** A client that signs assertions and proofs with this algorithm. */
async function client({ server, suite }: Place, alg: "PS256" | "ES256", client_name: string, query: string) {
  const { publicJwk, privateJwk } = await generateKey(alg);
  const { client } = await server.provider.clients.add(
    {
      client_name,
      redirect_uris: [`${suite}/test/a/${alias}/callback${query}`],
      grant_types: ["authorization_code", "refresh_token"],
      token_endpoint_auth_method: "private_key_jwt",
      jwks: { keys: [publicJwk] },
      dpop_bound_access_tokens: true,
      scope: apiScope.name,
    },
    { provenance: "config" },
  );
  return { client_id: client.client_id, scope: apiScope.name, jwks: { keys: [privateJwk] }, dpop_signing_alg: alg };
}

export const fapi2: Plan = {
  name: "fapi2-security-profile-final-test-plan",
  variant: {
    client_auth_type: "private_key_jwt",
    sender_constrain: "dpop",
    openid: "plain_oauth",
    fapi_profile: "plain_fapi",
    authorization_request_type: "simple",
  },
  server: () => ({ ...profile(), scopes: { [apiScope.name]: apiScope.words } }),
  config: async (place) => ({
    alias,
    description: "Valetkey, FAPI 2.0",
    server: { discoveryUrl: `${place.issuer}/.well-known/openid-configuration` },
    // One module signs with RS256 instead, and needs an RSA key for it.
    client: await client(place, "PS256", "Conformance suite", ""),
    client2: await client(place, "ES256", "Conformance suite, second client", "?dummy1=lorem&dummy2=ipsum"),
    resource: { resourceUrl: apiUrl(place.issuer) },
  }),
};
