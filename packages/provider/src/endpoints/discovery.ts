/**
 * What this server says about itself (RFC 8414 §2, OpenID Connect Discovery §3, RFC 9207 §3).
 *
 * Derived from the lists the provider is composed of. Guarantees that nothing is announced that is not served, and the
 * other way round.
 */
import type { ServerMetadata } from "@valetkey/protocol/metadata";
import { promptsOf } from "../authorize/check-request.ts";
import { jsonResponse } from "../lib/json-response.ts";
import type { Op } from "../op.ts";
import { announced } from "../part.ts";
import { holds } from "../response-types.ts";
import { knownScopes } from "../scopes-of.ts";

const maxAge = 300;

/** Derives the metadata. */
export function serverMetadata(op: Op): ServerMetadata {
  const scopes = knownScopes(op);
  const methods = op.clientAuth.map(({ method }) => method);
  const hasCode = op.grants.has("authorization_code");
  if (!op.grants.has("refresh_token")) scopes.delete("offline_access");
  return {
    issuer: op.issuer,
    authorization_endpoint: op.urls.authorize,
    token_endpoint: op.urls.token,
    userinfo_endpoint: op.urls.userinfo,
    jwks_uri: op.urls.jwks,
    revocation_endpoint: op.urls.revoke,
    introspection_endpoint: op.urls.introspect,
    end_session_endpoint: op.urls.end_session,
    ...(op.registration === undefined ? {} : { registration_endpoint: op.urls.register }),
    scopes_supported: [...scopes],
    claims_supported: [
      "sub",
      ...new Set([...scopes].flatMap((scope) => (Object.hasOwn(op.claims, scope) ? (op.claims[scope] ?? []) : []))),
    ],
    response_types_supported: hasCode ? [...op.responseTypes.keys()] : [],
    response_modes_supported: [...op.responseModes.keys()],
    // RFC 7591 §2.1: a token from the authorization endpoint is the grant type implicit, which no token request redeems.
    grant_types_supported: [...op.grants.keys(), ...(hasCode && hasImplicit(op) ? ["implicit"] : [])],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: [...op.keys.algs],
    token_endpoint_auth_methods_supported: methods,
    revocation_endpoint_auth_methods_supported: methods,
    introspection_endpoint_auth_methods_supported: methods.filter((method) => method !== "none"),
    code_challenge_methods_supported: ["S256"],
    prompt_values_supported: [...promptsOf(op)],
    claims_parameter_supported: true,
    ...(op.acrs.length === 0 ? {} : { acr_values_supported: [...op.acrs] }),
    ...(op.authorizationDetails.size === 0
      ? {}
      : { authorization_details_types_supported: [...op.authorizationDetails.keys()] }),
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
    authorization_response_iss_parameter_supported: true,
    ...announced(op),
  };
}

const hasImplicit = (op: Op) =>
  [...op.responseTypes.keys()].some((type) => holds(type, "id_token") || holds(type, "token"));

/** Answers with the metadata. */
export async function discoveryEndpoint(op: Op): Promise<Response> {
  let metadata = serverMetadata(op);
  for (const part of op.parts) metadata = (await part.document?.(op, metadata)) ?? metadata;
  return jsonResponse(metadata, { maxAge });
}
