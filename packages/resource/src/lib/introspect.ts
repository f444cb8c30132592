/**
 * Asks an issuer about a token, authenticated as this API.
 *
 * RFC 7662 §2.1 and §2.2, RFC 7523 §2.2, RFC 8705 §2 and §5, RFC 9701 §4 to §6.
 * Guarantees that the token goes to the one issuer and in a body, and that where a signed answer is wanted nothing else counts.
 */
import { byCertificate, mtlsEndpoints, proveClient } from "@valetkey/protocol/client-authentication";
import { serverError } from "@valetkey/protocol/errors";
import { encodeForm } from "@valetkey/protocol/form";
import { decryptJwt, JwksUnavailable, type JwsAlgorithm, JwtError, verifyJwt } from "@valetkey/protocol/jose";
import type { ServerMetadata } from "@valetkey/protocol/metadata";
import { type Fetch, fetchText, readJsonObject, UnreadableResponse } from "@valetkey/protocol/read-json";
import type { IntrospectionOptions } from "../introspection.ts";
import { type Issuer, isSecureUrl } from "./issuer.ts";
import { notVerified, unavailable } from "./not-verified.ts";

export interface IntrospectionPorts {
  readonly issuer: string;
  readonly source: Issuer;
  /** Signature algorithms of signed answers. */
  readonly algorithms: readonly JwsAlgorithm[];
  readonly fetch: Fetch;
  readonly now: () => number;
  /** Seconds, 0 to 60. */
  readonly clockTolerance: number;
}

type Answer = Readonly<Record<string, unknown>>;

const jwtType = "token-introspection+jwt";

/**
 * Asks. An issuer that does not answer is `temporarily_unavailable`; one that refuses to, or whose answer is not what was asked
 * for, `server_error`, whose cause says so.
 */
export async function introspect(
  token: string,
  client: IntrospectionOptions,
  ports: IntrospectionPorts,
): Promise<Answer> {
  const { source, fetch } = ports;
  const endpoint = endpointOf(await source.metadata(), client, ports.issuer);
  const { headers, parameters } = await proveClient(client, { issuer: ports.issuer, now: ports.now() });
  const accept = client.signed === true ? `application/${jwtType}` : "application/json";
  const init = {
    method: "POST",
    headers: { ...headers, "Content-Type": "application/x-www-form-urlencoded", Accept: accept },
    body: encodeForm({ token, token_type_hint: "access_token", ...parameters }),
  };
  const { status, text, type } = await send(client.fetch ?? fetch, endpoint, init);
  if (status >= 500 || status === 429) throw silent(new Error(`the introspection endpoint answered ${status}`));
  if (status === 401)
    throw unusable(
      `the issuer refused this API's client ${client.client_id} (401): is its secret, key or certificate right`,
    );
  if (status !== 200) throw unusable(`the introspection endpoint answered ${status}`);
  const isJwt = type.split(";")[0]?.trim().toLowerCase() === `application/${jwtType}`;
  // RFC 9701 §8.2: whoever relies on the signature must not be talked out of it.
  if (client.signed === true && !isJwt) throw unusable("the introspection answer is not signed");
  if (isJwt) return readSigned(text, client, ports);
  try {
    return await readJsonObject(new Response(text));
  } catch (cause) {
    throw silent(cause);
  }
}

async function send(fetch: Fetch, endpoint: string, init: RequestInit) {
  try {
    const { response, text } = await fetchText(fetch, endpoint, init, { timeoutMs: 5_000 });
    return { status: response.status, text, type: response.headers.get("content-type") ?? "" };
  } catch (cause) {
    // What says no says it by its status, whatever else is in it.
    if (cause instanceof UnreadableResponse && cause.status !== 200)
      return { status: cause.status, text: "", type: "" };
    throw silent(cause);
  }
}

/** RFC 9701 §5: signed by the issuer, for us alone, just now. */
async function readSigned(text: string, client: IntrospectionOptions, ports: IntrospectionPorts): Promise<Answer> {
  const { issuer, source, algorithms, now, clockTolerance } = ports;
  const { client_id, decryption_keys: keys } = client;
  try {
    const token = keys === undefined ? text : await decryptJwt(text, { keys });
    const time = now();
    const { claims } = await verifyJwt(token, {
      ...{ keys: source.keys, algorithms, typ: jwtType, issuer, audience: client_id, now: time, clockTolerance },
      requiredClaims: ["iss", "aud", "iat", "token_introspection"],
      exp: "optional",
    });
    // An answer of yesterday would bring a revoked token back.
    if ((claims.iat ?? 0) + 60 + clockTolerance < time / 1000) throw new JwtError("expired", "the answer is old");
    const answer = claims.token_introspection;
    if (typeof answer !== "object" || answer === null || Array.isArray(answer))
      throw new JwtError("claims", "token_introspection must be an object");
    return answer as Answer;
  } catch (cause) {
    if (cause instanceof JwksUnavailable) throw notVerified(cause);
    // The token itself was not judged: it is the answer that is not to be believed.
    if (cause instanceof JwtError) throw unusable("the signed introspection answer is not to be believed", cause);
    throw cause;
  }
}

// RFC 8705 §5: where certificates are asked for.
function endpointOf(metadata: ServerMetadata, client: IntrospectionOptions, issuer: string): string {
  const { introspection_endpoint: endpoint } = byCertificate(client) ? mtlsEndpoints(metadata) : metadata;
  if (typeof endpoint !== "string") throw unusable("the issuer has no introspection_endpoint");
  if (!isSecureUrl(endpoint, issuer)) throw unusable("the issuer's introspection_endpoint must be an https URL");
  return endpoint;
}

const silent = (cause: unknown) => unavailable("the issuer does not answer at the moment", cause, 5);

const unusable = (why: string, cause?: unknown) =>
  serverError("the access token could not be checked", { cause: new Error(why, cause === undefined ? {} : { cause }) });
