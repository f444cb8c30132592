/**
 * The plans we run: how our server is composed for each, which clients it knows, and what the suite is told.
 *
 * Guarantees that a client the suite is told of is registered with our server with the same metadata.
 */
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import { randomToken } from "@valetkey/protocol/random";
import { none } from "@valetkey/provider/client-auth/none";
import { privateKeyJwt } from "@valetkey/provider/client-auth/private-key-jwt";
import { secretBasic, secretPost } from "@valetkey/provider/client-auth/secret";
import { implicitIdToken, tokensInRedirect } from "@valetkey/provider/legacy";
import { backchannelLogout } from "@valetkey/provider/logout/channels";
import { pairwiseSubjects } from "@valetkey/provider/pairwise";
import { pkceForPublicClients } from "@valetkey/provider/pkce-policy";
import { openRegistration } from "@valetkey/provider/registration-policy";
import { requestObjects } from "@valetkey/provider/request-objects";
import { code } from "@valetkey/provider/response-types";
import { fapi2 } from "./fapi2.ts";
import type { Composition, ServerUnderTest } from "./server-under-test.ts";
import type { Variant } from "./suite.ts";

export interface Plan {
  /** As the suite calls it. */
  readonly name: string;
  readonly variant: Variant;
  /** How our server is composed; called once for each run. */
  server(issuer: string): Composition;
  /** Registers the plan's clients and gives the configuration for the suite. */
  config(place: Place): Promise<Readonly<Record<string, unknown>>>;
}

export interface Place extends Pick<ServerUnderTest, "issuer" | "server"> {
  /** Origin of the suite. */
  readonly suite: string;
}

const alias = "valetkey";

/** OpenID Connect Basic and Dynamic send no PKCE challenge; address and phone are standard scopes we do not offer by default. */
const openid = (): Composition => ({
  pkce: pkceForPublicClients,
  scopes: { address: "See your postal address", phone: "See your telephone number" },
});

async function staticClients(
  { issuer, server, suite }: Place,
  more: ClientMetadata = {},
): Promise<Readonly<Record<string, unknown>>> {
  const base = `${suite}/test/a/${alias}`;
  const metadata: ClientMetadata = {
    redirect_uris: [`${base}/callback`, `${base}/callback?dummy1=lorem&dummy2=ipsum`],
    post_logout_redirect_uris: [`${base}/post_logout_redirect`],
    grant_types: ["authorization_code", "refresh_token"],
    ...more,
  };
  const add = async (client_name: string, token_endpoint_auth_method: string) => {
    const { client, client_secret } = await server.provider.clients.add(
      { ...metadata, client_name, token_endpoint_auth_method },
      { provenance: "config" },
    );
    return { client_id: client.client_id, client_secret };
  };
  return {
    ...dynamicClients({ issuer }),
    client: await add("Conformance suite", "client_secret_basic"),
    client_secret_post: await add("Conformance suite, secret in the body", "client_secret_post"),
    client2: await add("Conformance suite, second client", "client_secret_basic"),
  };
}

function dynamicClients({ issuer }: Pick<Place, "issuer">): Readonly<Record<string, unknown>> {
  return {
    alias,
    description: "Valetkey",
    server: { discoveryUrl: `${issuer}/.well-known/openid-configuration` },
    client: { client_name: "Conformance suite" },
    client2: { client_name: "Conformance suite, second client" },
  };
}

export const plans: readonly Plan[] = [
  {
    name: "oidcc-config-certification-test-plan",
    variant: {},
    server: openid,
    config: staticClients,
  },
  {
    name: "oidcc-basic-certification-test-plan",
    variant: { server_metadata: "discovery", client_registration: "static_client" },
    // A password reaches the first level there is; acr_values asks for it.
    server: () => ({ ...openid(), acrs: ["urn:example:password"] }),
    config: staticClients,
  },
  {
    name: "oidcc-dynamic-certification-test-plan",
    variant: { response_type: "code" },
    // This profile asks for the implicit flow, which has to be imported by name, and the suite makes its assertions for the
    // token endpoint, as was usual before RFC 10070.
    server: () => ({
      ...openid(),
      responseTypes: [code, implicitIdToken, ...tokensInRedirect],
      clientAuth: [secretBasic, secretPost, privateKeyJwt({ legacyAudiences: true }), none],
      requestObjects: requestObjects({ byReference: true }),
      pairwise: pairwiseSubjects({ salt: randomToken() }),
      registration: openRegistration({
        grant_types: ["authorization_code", "implicit", "refresh_token"],
        limitPerHour: 1000,
      }),
    }),
    config: async (place) => dynamicClients(place),
  },
  {
    name: "oidcc-rp-initiated-logout-certification-test-plan",
    variant: { client_registration: "static_client", response_type: "code" },
    server: openid,
    config: staticClients,
  },
  {
    name: "oidcc-backchannel-rp-initiated-logout-certification-test-plan",
    variant: { client_registration: "static_client", response_type: "code" },
    server: () => ({ ...openid(), logout: [backchannelLogout] }),
    config: (place) =>
      staticClients(place, { backchannel_logout_uri: `${place.suite}/test/a/${alias}/backchannel_logout` }),
  },
  fapi2,
];
