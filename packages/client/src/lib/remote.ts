/**
 * A provider as the application uses it: with its credentials and what is known of its issuer.
 *
 * RFC 6749 §2.3.1 (credentials), RFC 8414 §2 (what stands in for discovery where a service has none), RFC 8705 §5.
 * Guarantees that whatever is missing is named, with the variable that would supply it.
 */
import { mtlsEndpoints } from "@valetkey/protocol/client-authentication";
import type { JwsAlgorithm } from "@valetkey/protocol/jose";
import type { ServerMetadata } from "@valetkey/protocol/metadata";
import type { Fetch } from "@valetkey/protocol/read-json";
import { ClientError } from "../client-error.ts";
import type { Log } from "../log.ts";
import type { OAuth2Provider, Values } from "../oauth2.ts";
import type { OidcProvider } from "../oidc.ts";
import type { Provider } from "../provider.ts";
import type { ClientAuthentication } from "../token-request.ts";
import { checkCredential } from "./check-provider.ts";
import { environment } from "./environment.ts";
import { createIssuer, type Issuer } from "./issuer.ts";
import { connectOAuth1, type OAuth1Remote } from "./oauth1-remote.ts";

type Replaced = "client_id" | "client_secret" | "authorization_params" | "token_params" | "headers";

/** What a provider becomes once its credentials are known. */
interface Connection {
  readonly client: ClientAuthentication;
  readonly issuerOf: Issuer;
  readonly authorization_params: Readonly<Record<string, string>>;
  readonly token_params: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  /** The last DPoP nonce of each origin, for the keys of all who signed in here: most servers make one for everybody. */
  readonly nonces: Map<string, string>;
  /** `none`: it is configured, not discovered, that the service has no PKCE. */
  readonly pkce: "S256" | "none";
}

export interface OidcRemote extends Omit<OidcProvider, Replaced>, Connection {}
export interface OAuth2Remote extends Omit<OAuth2Provider, Replaced>, Connection {}
/** One that speaks OAuth 2, plain or as OpenID Connect. */
export type TokenRemote = OidcRemote | OAuth2Remote;
export type Remote = TokenRemote | OAuth1Remote;

interface Ports {
  readonly fetch: Fetch;
  readonly now: () => number;
  readonly log: Log;
}

/** Reads the list of providers. Every mistake is `configuration_invalid`. */
export function readRemotes(providers: readonly Provider[], ports: Ports): ReadonlyMap<string, Remote> {
  if (providers.length === 0) throw invalid("providers must name at least one way to sign in");
  const remotes = new Map<string, Remote>();
  for (const provider of providers) {
    if (remotes.has(provider.name))
      throw invalid(`there are two providers named ${provider.name}: give one of them another name`);
    checkOwnIssuer(provider, providers);
    remotes.set(provider.name, connect(provider, ports));
  }
  return remotes;
}

/** The issuer and the id are the key of a person: two services on one host that both have a person 1 must not share an issuer. */
function checkOwnIssuer(provider: Provider, all: readonly Provider[]): void {
  if (provider.kind === "oidc") return;
  const { issuer, authorization_endpoint } = provider;
  const other = all.find(
    (one) => one.kind !== "oidc" && one.issuer === issuer && one.authorization_endpoint !== authorization_endpoint,
  );
  if (other === undefined) return;
  throw invalid(
    `${provider.name} and ${other.name} are two services with one issuer, ${issuer}: a person of the one could be taken for somebody else at the other. Give each an issuer of its own, e.g. issuer: "${new URL(".", authorization_endpoint).href}"`,
  );
}

function connect(provider: Provider, ports: Ports): Remote {
  if (provider.kind === "oauth1") return connectOAuth1(provider, ports.now);
  const client = readCredentials(provider);
  const values = (given: Values | undefined) => (typeof given === "function" ? given(credentialsOf(client)) : given);
  const common = {
    client,
    authorization_params: values(provider.authorization_params) ?? {},
    token_params: values(provider.token_params) ?? {},
    headers: values(provider.headers) ?? {},
    nonces: new Map<string, string>(),
  };
  const pkce = (methods: unknown) => (Array.isArray(methods) && methods.length === 0 ? "none" : "S256");
  if (provider.kind === "oidc") {
    const found = createIssuer(provider.issuer, {
      ...ports,
      overrides: provider.metadata,
      template: provider.issuer_template,
    });
    const byCertificate = provider.tls_client_certificate_bound_access_tokens === true;
    const issuerOf = byCertificate ? { ...found, metadata: async () => mtlsEndpoints(await found.metadata()) } : found;
    return { ...provider, ...common, issuerOf, pkce: pkce(provider.metadata?.code_challenge_methods_supported) };
  }
  const issuerOf = createIssuer(provider.issuer, { ...ports, fixed: metadataOf(provider) });
  return { ...provider, ...common, issuerOf, pkce: pkce(provider.code_challenge_methods_supported) };
}

function metadataOf(provider: OAuth2Provider): ServerMetadata {
  const { issuer, authorization_endpoint, token_endpoint, code_challenge_methods_supported } = provider;
  const { revocation_endpoint, introspection_endpoint, device_authorization_endpoint } = provider;
  const { pushed_authorization_request_endpoint } = provider;
  const optional = {
    revocation_endpoint,
    introspection_endpoint,
    device_authorization_endpoint,
    pushed_authorization_request_endpoint,
  };
  return {
    issuer,
    authorization_endpoint,
    token_endpoint,
    code_challenge_methods_supported: [...code_challenge_methods_supported],
    ...Object.fromEntries(Object.entries(optional).filter(([, url]) => url !== undefined)),
  };
}

const credentialsOf = (client: ClientAuthentication) => {
  const secret = "client_secret" in client ? client.client_secret : undefined;
  return { client_id: client.client_id, ...(typeof secret === "string" ? { client_secret: secret } : {}) };
};

function readCredentials(provider: OidcProvider | OAuth2Provider): ClientAuthentication {
  const prefix = provider.name.toUpperCase().replaceAll("-", "_");
  const need = <T extends string | (() => string | Promise<string>)>(
    name: "client_id" | "client_secret",
    given: T | undefined,
    more = "",
  ): T | string => {
    const variable = `${prefix}_${name.toUpperCase()}`;
    const value = given ?? environment(variable);
    if (typeof value === "string")
      checkCredential(name, value, (message) => invalid(`${provider.kind}("${provider.name}"): ${message}`));
    if (value !== undefined && value !== "") return value;
    throw invalid(`${provider.kind}("${provider.name}") has no ${name}: pass it or set ${variable}${more}`);
  };
  const { token_endpoint_auth_method = "client_secret_basic" } = provider;
  const client_id = need("client_id", provider.client_id);
  switch (token_endpoint_auth_method) {
    case "none":
    case "tls_client_auth":
    case "self_signed_tls_client_auth":
      return { client_id, token_endpoint_auth_method };
    case "private_key_jwt": {
      const { private_key } = provider;
      if (private_key === undefined) throw invalid(`${provider.kind}("${provider.name}") has no private_key`);
      const own = "kty" in private_key ? (private_key.alg as JwsAlgorithm | undefined) : undefined;
      const alg = provider.token_endpoint_auth_signing_alg ?? own ?? "RS256";
      return { client_id, token_endpoint_auth_method, private_key, alg };
    }
    case "client_secret_jwt": {
      const client_secret = need("client_secret", provider.client_secret);
      if (typeof client_secret === "string") return { client_id, client_secret, token_endpoint_auth_method };
      throw invalid(`${provider.kind}("${provider.name}"): client_secret must be a text for client_secret_jwt`);
    }
    default: {
      const more = ', or say token_endpoint_auth_method: "none" if the client has none';
      const client_secret = need("client_secret", provider.client_secret, more);
      return { client_id, client_secret, token_endpoint_auth_method };
    }
  }
}

const invalid = (message: string): ClientError => new ClientError("configuration_invalid", message);
