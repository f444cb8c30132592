/**
 * Reads request objects: authorization requests as signed, perhaps encrypted, JWTs (RFC 9101, OpenID Connect Core §6).
 *
 * Guarantees that of such a request nothing counts but what is in the object (RFC 9101 §5), that the object was signed by a
 * key of the client, for this server, lately, and that no JWT made for another purpose passes for one (§10.8).
 */
import {
  invalidClientMetadata,
  invalidRequestObject,
  invalidRequestUri,
  temporarilyUnavailable,
} from "@valetkey/protocol/errors";
import { encodeForm, type Form, parseForm } from "@valetkey/protocol/form";
import { decryptJwt, JwksUnavailable, type JwtClaims, JwtError, verifyJwt } from "@valetkey/protocol/jose";
import { type JweEncryption, jweEncryptions } from "@valetkey/protocol/jwk";
import { normalTyp } from "@valetkey/protocol/jwt-claims";
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import { fetchText } from "@valetkey/protocol/read-json";
import { keysOfClient } from "../client-keys.ts";
import type { Client } from "../clients.ts";
import type { Op } from "../op.ts";
import type { RequestObjects } from "../request-objects.ts";

const maxObject = 65_536;
const types = [undefined, "jwt", "oauth-authz-req+jwt"];

/**
 * Reads the parameters out of the request object of a form; nothing if it has none. Throws `invalid_request_object`,
 * `invalid_request_uri`, `temporarily_unavailable`.
 */
export async function readRequestObject(op: Op, client: Client, form: Form): Promise<Form | undefined> {
  const { requestObjects } = op;
  if (requestObjects === undefined || (form.request === undefined && form.request_uri === undefined)) return undefined;
  // §5: one or the other.
  if (form.request !== undefined && form.request_uri !== undefined)
    throw invalidRequestObject("request and request_uri must not both be there");
  const jwt = form.request ?? (await fetchObject(op, requestObjects, client, form.request_uri ?? ""));
  const claims = await verifyObject(op, requestObjects, client, jwt);
  return toForm(claims);
}

async function fetchObject(op: Op, { byReference }: RequestObjects, client: Client, uri: string): Promise<string> {
  if (!byReference) throw invalidRequestUri("request_uri may only be one that was given out by this server");
  const registered = Array.isArray(client.metadata.request_uris) ? client.metadata.request_uris : [];
  const [plain] = uri.split("#");
  // Core §6.2: pre-registration is what keeps this server from fetching whatever anybody names.
  if (!registered.some((one) => one === uri || one.split("#")[0] === plain))
    throw invalidRequestUri("request_uri is not one of those registered for this application");
  try {
    const { response, text } = await fetchText(op.fetch, plain ?? "", {}, { limit: maxObject, timeoutMs: 5000 });
    if (!response.ok) throw new Error(`HTTP status ${response.status}`);
    return text.trim();
  } catch (cause) {
    throw invalidRequestUri("what request_uri points to cannot be read", { cause });
  }
}

async function verifyObject(op: Op, rules: RequestObjects, client: Client, sent: string): Promise<JwtClaims> {
  const { metadata, client_id } = client;
  const keys = keysOfClient(op, client);
  if (keys === undefined) throw invalidRequestObject("this application has registered no keys");
  try {
    const jwt = await decrypted(rules, metadata, sent);
    const registered = rules.algorithms.filter((alg) => alg === metadata.request_object_signing_alg);
    const { header, claims } = await verifyJwt(jwt, {
      keys,
      algorithms: metadata.request_object_signing_alg === undefined ? rules.algorithms : registered,
      issuer: undefined,
      audience: op.issuer,
      now: op.now(),
      clockTolerance: 10,
      ...(rules.maxLifetime === undefined ? { exp: "optional" as const } : {}),
      requiredClaims: rules.maxLifetime === undefined ? ["aud"] : ["iss", "aud", "exp", "nbf"],
    });
    // §10.8: an assertion or another token of the client is no request.
    if (!types.includes(normalTyp(header.typ))) throw new JwtError("typ", "not a request object");
    if (claims.sub === client_id) throw new JwtError("claims", "a request object has no sub");
    if (claims.iss !== undefined && claims.iss !== client_id) throw new JwtError("issuer", "iss must be the client_id");
    if (claims.client_id !== client_id) throw new JwtError("claims", "client_id must be the one of the request");
    if (claims.request !== undefined || claims.request_uri !== undefined)
      throw new JwtError("claims", "a request object holds no request and no request_uri");
    checkLifetime(op, rules, claims);
    return claims;
  } catch (cause) {
    if (cause instanceof JwksUnavailable)
      throw temporarilyUnavailable("the keys of the application cannot be had at the moment", { cause });
    if (!(cause instanceof JwtError)) throw cause;
    throw invalidRequestObject(`the request object is refused: ${cause.message}`, { cause });
  }
}

function checkLifetime(op: Op, { maxLifetime }: RequestObjects, { exp = 0, nbf = 0 }: JwtClaims): void {
  if (maxLifetime === undefined) return;
  const now = op.now() / 1000;
  if (exp - nbf > maxLifetime || nbf < now - maxLifetime)
    throw new JwtError("claims", `the request object counts for more than ${maxLifetime} seconds`);
}

async function decrypted(rules: RequestObjects, metadata: Client["metadata"], sent: string): Promise<string> {
  const isEncrypted = sent.split(".").length === 5;
  if (!isEncrypted) {
    if (metadata.request_object_encryption_alg !== undefined)
      throw new JwtError("decryption", "this application registered encrypted request objects");
    return sent;
  }
  if (rules.encryption === undefined) throw new JwtError("decryption", "encrypted request objects are not supported");
  const { keys, algorithms } = rules.encryption;
  const alg = algorithms.filter((one) => one === metadata.request_object_encryption_alg);
  const enc = jweEncryptions.filter((one) => one === (metadata.request_object_encryption_enc as JweEncryption));
  return decryptJwt(sent, {
    keys,
    algorithms: metadata.request_object_encryption_alg === undefined ? algorithms : alg,
    ...(metadata.request_object_encryption_enc === undefined ? {} : { encryptions: enc }),
  });
}

const notParameters = new Set(["iss", "aud", "exp", "nbf", "iat", "jti"]);

/** Claims as parameters: numbers and JSON as text (RFC 9101 §4), `resource` repeated. */
export function toForm(claims: JwtClaims): Form {
  const parameters: Record<string, string | readonly string[]> = Object.create(null);
  for (const [name, value] of Object.entries(claims)) {
    if (notParameters.has(name) || value === null || value === undefined) continue;
    if (name === "resource" && Array.isArray(value) && value.every((one) => typeof one === "string"))
      parameters[name] = value;
    else parameters[name] = typeof value === "string" ? value : JSON.stringify(value);
  }
  // The same bounds and the same spelling as everybody's parameters.
  return parseForm(encodeForm(parameters), { repeatable: ["resource"] });
}

/** `require_signed_request_object` counts on what this provider must then be able to do. */
export function checkSignedRequests({ require_signed_request_object, jwks, jwks_uri }: ClientMetadata): void {
  if (require_signed_request_object === true && jwks === undefined && jwks_uri === undefined)
    throw invalidClientMetadata("require_signed_request_object needs jwks or jwks_uri");
}
