/**
 * Which client metadata may be registered (RFC 7591 §2 and §3.2.2, OpenID Connect Registration §2, RFC 9700 §2).
 *
 * What is not understood is dropped, as RFC 7591 §2 wants; what is understood and not supported is refused, so that
 * nobody believes in a protection they do not have, and no administrator in a notification that never comes. Guarantees that metadata which passed is complete, consistent and
 * bounded in size.
 */

import { invalidClientMetadata, invalidRedirectUri, OAuthError } from "@valetkey/protocol/errors";
import { isLoopbackHost } from "@valetkey/protocol/loopback";
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import { checkRedirectUri } from "@valetkey/protocol/redirect-uri";
import { checkSignedRequests } from "./authorize/request-object.ts";
import { checkBackchannel } from "./backchannel/client-metadata.ts";
import { checkOneKeySource } from "./client-keys.ts";
import { type Client, isStranger } from "./clients.ts";
import { checkMembers, readStrings } from "./lib/client-members.ts";
import { checkLogoutChannel } from "./logout/channels.ts";
import { checkOAuth1Client } from "./oauth1/check-client.ts";
import { registeredMethods } from "./oauth1/registered-methods.ts";
import type { Op } from "./op.ts";
import { checkProtection } from "./protected-answers.ts";
import { canonicalResponseType, holds } from "./response-types.ts";
import { knownScopes } from "./scopes-of.ts";

const maxUris = 50;

/** What metadata is checked against; see `clientRules` in `read-options.ts`. */
export type ClientRules = Pick<
  Op,
  "grants" | "clientAuth" | "scopes" | "resources" | "issuer" | "members" | "responseTypes"
> & {
  readonly keys: Pick<Op["keys"], "algs">;
};

/**
 * Checks metadata and gives it back complete: unknown members gone, defaults filled in. Throws `invalid_redirect_uri`,
 * `invalid_client_metadata` or `invalid_software_statement`. A stranger (`dynamic`, `document`) cannot ask for what only an
 * administrator may give. What a `document` could use and we do not have is passed over: it is written for every server.
 */
export function checkClient(op: ClientRules, given: unknown, provenance: Client["provenance"]): ClientMetadata {
  return examine(op, given, provenance, (error) => {
    throw error;
  });
}

/** Lists what is wrong with metadata: what `checkClient` would throw, one after the other. Empty: nothing. */
export function problemsOfClient(op: ClientRules, given: unknown, provenance: Client["provenance"]): string[] {
  const problems: string[] = [];
  const note = (error: unknown) => {
    if (!(error instanceof OAuthError)) throw error;
    problems.push(error.description);
  };
  try {
    examine(op, given, provenance, note);
  } catch (error) {
    // Thrown where nothing more can be looked at.
    note(error);
  }
  return problems;
}

function examine(
  op: ClientRules,
  given: unknown,
  provenance: Client["provenance"],
  note: (error: unknown) => void,
): ClientMetadata {
  const look = <T>(check: () => T): T | undefined => {
    try {
      return check();
    } catch (error) {
      note(error);
      return undefined;
    }
  };
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw invalidClientMetadata("client metadata must be an object");
  }
  const ofDocument = provenance === "document";
  const metadata = checkMembers(given as Record<string, unknown>, op.members, {
    ofDocument,
    byHand: !isStranger({ provenance }),
  });
  // A client of OAuth 1.0a has no use for the token endpoint, unless it says so.
  const signs = registeredMethods(metadata).length > 0;
  const grant_types = readStrings(metadata, "grant_types") ?? (signs ? [] : ["authorization_code"]);
  const asksForNothing = signs && grant_types.length === 0;
  const token_endpoint_auth_method =
    metadata.token_endpoint_auth_method ?? (asksForNothing ? "none" : "client_secret_basic");
  if (!asksForNothing) look(() => checkGrantTypes(op, grant_types, token_endpoint_auth_method));
  look(() => checkOAuth1Client(metadata, provenance));
  look(() => op.clientAuth.find(({ method }) => method === token_endpoint_auth_method)?.check?.(metadata, provenance));
  const response_types = look(() => checkResponseTypes(op, readStrings(metadata, "response_types"), grant_types));
  const application_type =
    metadata.application_type ?? inferApplicationType(metadata, token_endpoint_auth_method, ofDocument);
  // A developer's own registration may name http://localhost; a stranger's web client may not (OpenID Connect
  // Registration §2).
  const policy = { application_type, allowLoopbackHttp: !isStranger({ provenance }) };
  const redirect_uris = look(() => checkRedirectUris(metadata.redirect_uris, policy, grant_types));
  look(() => checkLogoutUris(metadata.post_logout_redirect_uris, policy));
  look(() => checkLogoutChannel(op, metadata, provenance));
  look(() => checkScope(op, metadata.scope));
  const alg = metadata.id_token_signed_response_alg;
  if (alg !== undefined && !(op.keys.algs as readonly string[]).includes(alg)) {
    note(invalidClientMetadata(`id_token_signed_response_alg must be one of ${op.keys.algs.join(", ")}`));
  }
  look(() => checkOneKeySource(metadata));
  look(() => checkProtection(metadata));
  look(() => checkSignedRequests(metadata));
  const { allowLoopbackHttp } = policy;
  look(() => checkBackchannel(metadata, { grant_types, method: token_endpoint_auth_method, allowLoopbackHttp }));
  const introspects = isStranger({ provenance }) ? undefined : look(() => checkIntrospects(op, metadata));
  const { introspects: _, ...rest } = metadata;
  return {
    ...rest,
    ...(introspects === undefined ? {} : { introspects }),
    redirect_uris: redirect_uris ?? [],
    grant_types,
    response_types: response_types ?? [],
    token_endpoint_auth_method,
    application_type,
  };
}

function checkGrantTypes(op: ClientRules, grant_types: readonly string[], method: string): void {
  const methods: readonly string[] = op.clientAuth.map((one) => one.method);
  if (!methods.includes(method))
    throw invalidClientMetadata(`token_endpoint_auth_method must be one of ${methods.join(", ")}`);
  if (grant_types.length === 0) throw invalidClientMetadata("grant_types must not be empty");
  // RFC 7591 §2.1: `implicit` is a grant type of the authorization endpoint alone.
  const inFront = [...op.responseTypes.keys()].some((type) => !holds(type, "code"));
  const unsupported = grant_types.find((type) => !op.grants.has(type) && !(type === "implicit" && inFront));
  if (unsupported !== undefined)
    throw invalidClientMetadata(`grant_types must be among ${[...op.grants.keys()].join(", ")}`);
  // RFC 6749 §4.4: a client without credentials has nothing to act with on its own behalf.
  if (method === "none" && grant_types.includes("client_credentials")) {
    throw invalidClientMetadata("client_credentials needs a token_endpoint_auth_method other than none");
  }
  if (grant_types.length === 1 && grant_types[0] === "refresh_token") {
    throw invalidClientMetadata("refresh_token alone cannot be used: add the grant type that yields the first token");
  }
}

/** RFC 7591 §2.1: `code` and `authorization_code` belong together, and so do the others and `implicit`. */
function checkResponseTypes(
  op: ClientRules,
  given: readonly string[] | undefined,
  grant_types: readonly string[],
): string[] {
  const redeems = op.grants.has("authorization_code") && grant_types.includes("authorization_code");
  if (given === undefined) return redeems ? ["code"] : [];
  const types = [...new Set(given.map(canonicalResponseType))];
  const unknown = types.find((type) => !op.responseTypes.has(type));
  if (unknown !== undefined)
    throw invalidClientMetadata(`response_types must be among ${[...op.responseTypes.keys()].join(", ")}`);
  if (types.some((type) => holds(type, "code")) !== redeems)
    throw invalidClientMetadata("response_types has code exactly if grant_types has authorization_code");
  const inFront = types.some((type) => holds(type, "token") || holds(type, "id_token"));
  if (inFront && !grant_types.includes("implicit"))
    throw invalidClientMetadata("response_types with token or id_token need implicit among grant_types");
  return types;
}

/**
 * RFC 7591 does not know application_type, so clients of that specification alone leave it out. A public client whose
 * redirect URIs are all on loopback or private-use can be nothing but native.
 */
function inferApplicationType(
  { redirect_uris }: ClientMetadata,
  method: string,
  ofDocument: boolean,
): "web" | "native" {
  if (!Array.isArray(redirect_uris) || redirect_uris.length === 0) return "web";
  // One document speaks for an application on the web and on the desk.
  if (ofDocument) return redirect_uris.some(isNativeOnly) ? "native" : "web";
  return method === "none" && redirect_uris.every(isNativeOnly) ? "native" : "web";
}

/** RFC 8252 §7.1 and §7.3: private-use schemes and http on loopback. */
function isNativeOnly(uri: unknown): boolean {
  if (typeof uri !== "string" || !URL.canParse(uri)) return false;
  const { protocol, hostname } = new URL(uri);
  if (protocol === "https:") return false;
  return protocol !== "http:" || isLoopbackHost(hostname);
}

type UriPolicy = Parameters<typeof checkRedirectUri>[1];

function checkRedirectUris(uris: unknown, policy: UriPolicy, grant_types: readonly string[]): string[] {
  const list = uris ?? [];
  if (!Array.isArray(list)) throw invalidRedirectUri("redirect_uris must be an array of strings");
  if (list.length > maxUris) throw invalidRedirectUri(`there must not be more than ${maxUris} redirect_uris`);
  if (list.length === 0 && (grant_types.includes("authorization_code") || grant_types.includes("implicit"))) {
    throw invalidRedirectUri("redirect_uris is required for authorization_code and implicit");
  }
  // By index: a hole in a sparse array is a missing URI too.
  for (let at = 0; at < list.length; at++) checkRedirectUri(list[at], policy);
  return [...new Set(list as string[])];
}

function checkLogoutUris(uris: readonly string[] | undefined, policy: UriPolicy): void {
  if (uris === undefined) return;
  if (uris.length > maxUris)
    throw invalidClientMetadata(`there must not be more than ${maxUris} post_logout_redirect_uris`);
  for (const uri of uris) {
    try {
      checkRedirectUri(uri, policy);
    } catch (error) {
      throw invalidClientMetadata(
        `post_logout_redirect_uris: ${(error as { description?: string }).description ?? "not usable"}`,
      );
    }
  }
}

function checkScope(op: ClientRules, scope: string | undefined): void {
  if (scope === undefined) return;
  const known = knownScopes(op);
  const names = scope.split(" ").filter((name) => name !== "");
  const unknown = names.find((name) => !known.has(name));
  if (unknown !== undefined) throw invalidClientMetadata(`the scope ${unknown} is not known here`);
}

/** Extension: the resources this client may introspect tokens for. */
function checkIntrospects(op: ClientRules, metadata: ClientMetadata): string[] | undefined {
  const introspects = readStrings(metadata, "introspects");
  const unknown = introspects?.find((one) => one !== op.issuer && !op.resources.has(one));
  if (unknown !== undefined) throw invalidClientMetadata(`introspects: ${unknown} is not a resource of this server`);
  return introspects;
}
