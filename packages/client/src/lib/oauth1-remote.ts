/**
 * A provider of OAuth 1.0a as the application uses it: with its credentials.
 *
 * RFC 5849 §2 (client credentials).
 * Guarantees that whatever is missing is named, with the variable that would supply it.
 */
import { ClientError } from "../client-error.ts";
import type { OAuth1Provider } from "../oauth1.ts";
import { checkClient, type OAuth1Client } from "../oauth1-client.ts";
import type { Values } from "../oauth2.ts";
import { type BackOff, createBackOff, departuresAtOnce } from "./back-off.ts";
import { environment } from "./environment.ts";

type Replaced = keyof OAuth1Client | "authorization_params" | "headers";

export interface OAuth1Remote extends Omit<OAuth1Provider, Replaced> {
  readonly client: OAuth1Client;
  readonly authorization_params: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  /** How requests for temporary credentials fare, which everybody on the way in causes. */
  readonly departures: BackOff;
  /** OAuth 1.0a knows no scopes, */
  readonly scope: "";
  /** and comes back by a redirect only. */
  readonly response_mode?: undefined;
}

/** Puts a provider and its credentials together. Mistakes are `configuration_invalid`. */
export function connectOAuth1(provider: OAuth1Provider, now: () => number): OAuth1Remote {
  const { name, client_id, client_secret, signature_method, private_key, realm, placement, ...rest } = provider;
  const prefix = name.toUpperCase().replaceAll("-", "_");
  const need = (member: string, given: string | undefined): string => {
    const variable = `${prefix}_${member.toUpperCase()}`;
    const value = given ?? environment(variable);
    if (value !== undefined && value !== "") return value;
    throw new ClientError("configuration_invalid", `oauth1("${name}") has no ${member}: pass it or set ${variable}`);
  };
  const id = need("client_id", client_id);
  const secret = signature_method.startsWith("RSA") ? client_secret : need("client_secret", client_secret);
  const client: OAuth1Client = {
    client_id: id,
    signature_method,
    ...(secret === undefined ? {} : { client_secret: secret }),
    ...(private_key === undefined ? {} : { private_key }),
    ...(realm === undefined ? {} : { realm }),
    ...(placement === undefined ? {} : { placement }),
  };
  checkClient(client);
  const credentials = { client_id: id, ...(secret === undefined ? {} : { client_secret: secret }) };
  const values = (given: Values = {}) => (typeof given === "function" ? given(credentials) : given);
  const { authorization_params, headers } = provider;
  return {
    ...rest,
    name,
    client,
    authorization_params: values(authorization_params),
    headers: values(headers),
    departures: createBackOff(provider.issuer, now, departuresAtOnce),
    scope: "",
  };
}
