/**
 * One client of each kind, registered at `oidc-provider`: what the tests of the client's protocol functions start from.
 */
import type { ClientAuthentication } from "@valetkey/client/client-authentication";
import { isClientError } from "@valetkey/client/client-error";
import { type ClientMetadataDocument, clientMetadataResponse } from "@valetkey/client/client-metadata-document";
import { discover } from "@valetkey/client/discover";
import { createRemoteJwks, generateKey, type KeyResolver, type SigningKey } from "@valetkey/protocol/jose";
import type { ServerMetadata } from "@valetkey/protocol/metadata";
import { type ForeignGrants, startForeignGrants } from "./foreign-grants.ts";

export const secret = "a-secret-of-the-application-0123456789";
export const redirect_uri = "https://app.example/cb";

/** Tells a `ClientError` with this code and, if given, the `error` the issuer sent. */
export const is = (code: string, error?: string) => (e: unknown) =>
  isClientError(e) && e.code === code && (error === undefined || e.error === error);

export interface GrantClients extends AsyncDisposable {
  readonly provider: ForeignGrants;
  readonly metadata: ServerMetadata;
  /** The clients' own key, for assertions and requests. */
  readonly key: SigningKey;
  /** The provider's keys. */
  readonly keys: KeyResolver;
  /** Client metadata documents by address; a test may add some. */
  readonly documents: Map<string, ClientMetadataDocument>;
  clientOf(name: keyof ReturnType<typeof authentications>): ClientAuthentication;
}

const authentications = (key: SigningKey) => {
  const signing = (client_id: string) =>
    ({ client_id, token_endpoint_auth_method: "private_key_jwt", private_key: key.privateJwk, alg: key.alg }) as const;
  return {
    basic: { client_id: "basic", client_secret: secret, token_endpoint_auth_method: "client_secret_basic" },
    post: { client_id: "post", client_secret: secret, token_endpoint_auth_method: "client_secret_post" },
    shared: { client_id: "shared", client_secret: secret, token_endpoint_auth_method: "client_secret_jwt" },
    tv: { client_id: "tv", token_endpoint_auth_method: "none" },
    signing: signing("signing"),
    web: signing("web"),
    till: signing("till"),
  } as const satisfies Record<string, ClientAuthentication>;
};

function registrations(key: SigningKey): Record<string, unknown>[] {
  const away = { redirect_uris: [], response_types: [] };
  const own = { ...away, grant_types: ["client_credentials"] };
  const withSecret = { ...own, client_secret: secret };
  const jwt = { token_endpoint_auth_method: "private_key_jwt", jwks: { keys: [key.publicJwk] } };
  const es = { token_endpoint_auth_signing_alg: "ES256", id_token_signed_response_alg: "ES256" };
  return [
    { ...withSecret, client_id: "basic", token_endpoint_auth_method: "client_secret_basic" },
    { ...withSecret, client_id: "post", token_endpoint_auth_method: "client_secret_post" },
    { ...withSecret, client_id: "shared", token_endpoint_auth_method: "client_secret_jwt" },
    { ...own, ...jwt, client_id: "signing", token_endpoint_auth_signing_alg: "ES256" },
    {
      ...jwt,
      ...es,
      client_id: "web",
      redirect_uris: [redirect_uri],
      grant_types: ["authorization_code", "refresh_token"],
      request_object_signing_alg: "ES256",
      authorization_signed_response_alg: "ES256",
      dpop_bound_access_tokens: true,
      require_pushed_authorization_requests: true,
    },
    {
      client_id: "old",
      token_endpoint_auth_method: "none",
      redirect_uris: [redirect_uri],
      response_types: ["id_token", "id_token token"],
      grant_types: ["implicit"],
    },
    {
      ...away,
      client_id: "tv",
      token_endpoint_auth_method: "none",
      grant_types: ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
    },
    {
      ...away,
      ...jwt,
      ...es,
      client_id: "till",
      grant_types: ["urn:openid:params:grant-type:ciba"],
      backchannel_token_delivery_mode: "poll",
      backchannel_authentication_request_signing_alg: "ES256",
    },
  ];
}

/** Starts the provider with all of them. */
export async function startGrantClients(): Promise<GrantClients> {
  const key = await generateKey("ES256");
  const documents = new Map<string, ClientMetadataDocument>();
  const provider = await startForeignGrants(registrations(key), (url) => {
    const document = documents.get(url);
    return document === undefined ? new Response("", { status: 404 }) : clientMetadataResponse(document);
  });
  const metadata = await discover(provider.issuer);
  const keys = createRemoteJwks({ jwks_uri: metadata.jwks_uri ?? "", fetch, now: Date.now });
  const all = authentications(key);
  return {
    provider,
    metadata,
    key,
    keys,
    documents,
    clientOf: (name) => all[name],
    [Symbol.asyncDispose]: () => provider[Symbol.asyncDispose](),
  };
}
