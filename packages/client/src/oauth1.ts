/**
 * Names a service people can sign in with by OAuth 1.0a.
 *
 * RFC 5849 §2 and §3.
 * Guarantees that everything that can be checked without asking the service is checked here, before anybody signs in.
 */
import { checkIssuer } from "@valetkey/protocol/metadata";
import { type SignatureMethod, signatureMethods } from "@valetkey/protocol/oauth1/signature";
import { checkEndpoints, checkName, checkPrefixes } from "./lib/check-provider.ts";
import type { OAuth1Client } from "./oauth1-client.ts";
import type { Values } from "./oauth2.ts";
import type { Profile, ProfileApi } from "./profile.ts";

/** What to know about a service and this application's registration there. */
export interface OAuth1Options extends Omit<OAuth1Client, "client_id"> {
  /** With the id the key of a person. The origin of `authorization_endpoint` unless given. */
  readonly issuer?: string;
  readonly request_token_endpoint: string;
  readonly authorization_endpoint: string;
  readonly token_endpoint: string;
  /** The consumer key; `{NAME}_CLIENT_ID` from the environment unless given. */
  readonly client_id?: string;
  /** The consumer secret; `{NAME}_CLIENT_SECRET` from the environment unless given. RSA methods do without. */
  readonly client_secret?: string;
  /** Base of relative URLs in `auth.fetch` and `profile`; signed requests may go there. */
  readonly api?: string;
  /** Further URL prefixes signed requests may go to. */
  readonly resource?: readonly string[];
  /** Sent with all requests, e.g. User-Agent. */
  readonly headers?: Values;
  /** Further parameters of the authorization URL. */
  readonly authorization_params?: Values;
  /** Finds out who the person is. `api.tokens` is the token answer: many say it there. */
  readonly profile: (api: ProfileApi) => Promise<Profile>;
  /** What the button says; default the name. */
  readonly label?: string;
}

/** A way to sign in: one value in the list `createOAuth` takes. */
export interface OAuth1Provider extends OAuth1Options {
  readonly kind: "oauth1";
  readonly name: string;
  readonly issuer: string;
  readonly signature_method: SignatureMethod;
  readonly resource: readonly string[];
  readonly label: string;
}

/**
 * Names a service with OAuth 1.0a. A mistake is `configuration_invalid` and says which option and what to write instead.
 *
 * @example
 * oauth1("oldbird", {
 *   request_token_endpoint: "https://bird.example/oauth/request_token",
 *   authorization_endpoint: "https://bird.example/oauth/authenticate",
 *   token_endpoint: "https://bird.example/oauth/access_token",
 *   api: "https://api.bird.example/1.1",
 *   profile: async (api) => { const me = await api.json("/me.json"); return { id: String(me.id_str), claims: me }; },
 * })
 */
export function oauth1(name: string, options: OAuth1Options): OAuth1Provider {
  const fail = checkName("oauth1", name);
  const { request_token_endpoint, authorization_endpoint, token_endpoint } = options;
  const { signature_method = "HMAC-SHA1", placement = "header", resource = [], private_key, realm } = options;
  // Untyped callers may leave them out.
  checkEndpoints(
    { request_token_endpoint: String(request_token_endpoint), token_endpoint: String(token_endpoint) },
    fail,
  );
  checkEndpoints({ authorization_endpoint: String(authorization_endpoint) }, fail);
  checkPrefixes("resource", resource, fail);
  checkPrefixes("api", options.api === undefined ? [] : [options.api], fail);
  if (!signatureMethods.includes(signature_method)) {
    throw fail(`signature_method must be one of ${signatureMethods.join(", ")}, got ${signature_method}`);
  }
  if (signature_method.startsWith("RSA") && (private_key?.kty !== "RSA" || private_key.d === undefined)) {
    throw fail(`${signature_method} needs private_key, an RSA private key as a JWK`);
  }
  if (!["header", "body", "query"].includes(placement)) throw fail("placement must be header, body or query");
  if (realm !== undefined && !/^[\x20-\x7e]*$/.test(realm)) throw fail("realm must be printable ASCII");
  const issuer = options.issuer ?? new URL(authorization_endpoint).origin;
  try {
    checkIssuer(issuer, { allowLoopbackHttp: true });
  } catch (cause) {
    throw fail(cause instanceof Error ? cause.message : String(cause));
  }
  return { ...options, kind: "oauth1", name, issuer, signature_method, resource, label: options.label ?? name };
}
