/**
 * Signed backchannel authentication requests: all parameters in one JWT (CIBA Core §7.1.1).
 *
 * Guarantees that a client which registered to sign always does, that nothing counts beside the JWT, and that one was made by the
 * client, for this server, lately, and is used once.
 */
import { invalidRequest, temporarilyUnavailable } from "@valetkey/protocol/errors";
import { type Form, formValues } from "@valetkey/protocol/form";
import { JwksUnavailable, type JwsAlgorithm, type JwtClaims, JwtError, verifyJwt } from "@valetkey/protocol/jose";
import { normalTyp } from "@valetkey/protocol/jwt-claims";
import { toForm } from "../authorize/request-object.ts";
import { keysOfClient } from "../client-keys.ts";
import type { Client } from "../clients.ts";
import type { Op } from "../op.ts";
import { isFirst } from "../replay.ts";

/** Seconds a request may count. */
const longest = 3600;
/** Seconds by which clocks may differ. */
const clockTolerance = 10;
/** As of requests for the authorization endpoint (RFC 9101 §10.8): the specification has none of its own. */
const types = [undefined, "jwt", "oauth-authz-req+jwt"];
/** What goes beside the JWT: who the client is. */
const beside = new Set(["request", "client_id", "client_secret", "client_assertion", "client_assertion_type"]);

/** Gives the parameters that count: those of the form, or those inside. Everything wrong is `invalid_request` (§13). */
export async function readSigned(
  op: Op,
  client: Client,
  form: Form,
  algorithms: readonly JwsAlgorithm[],
): Promise<Form> {
  const registered = client.metadata.backchannel_authentication_request_signing_alg;
  const { request } = form;
  if (form.request_uri !== undefined) throw invalidRequest("request_uri has no place in a backchannel request");
  if (request === undefined) {
    if (registered === undefined) return form;
    throw invalidRequest("this client registered to sign its requests: send it as a JWT in request");
  }
  if (registered === undefined) throw invalidRequest("this client is not registered for signed requests");
  if (Object.keys(form).some((name) => !beside.has(name)) || formValues(form, "resource").length > 0)
    throw invalidRequest("a signed request has all parameters in its JWT, and none beside it");
  const claims = await verify(
    op,
    client,
    request,
    algorithms.filter((alg) => alg === registered),
  );
  return toForm(claims);
}

async function verify(op: Op, client: Client, jwt: string, algorithms: readonly JwsAlgorithm[]): Promise<JwtClaims> {
  const keys = keysOfClient(op, client);
  // The algorithm was taken out of the list since.
  if (keys === undefined || algorithms.length === 0)
    throw invalidRequest("this client has registered no key that is accepted");
  try {
    const { header, claims } = await verifyJwt(jwt, {
      keys,
      algorithms,
      issuer: client.client_id,
      audience: op.issuer,
      now: op.now(),
      clockTolerance,
      requiredClaims: ["iss", "aud", "exp", "iat", "nbf", "jti"],
    });
    // RFC 8725 §3.11: assertions, proofs and tokens that were signed by the same key say what they are.
    if (!types.includes(normalTyp(header.typ)) || claims.sub === client.client_id || claims.response_type !== undefined)
      throw new JwtError("typ", "not a backchannel request");
    if (claims.request !== undefined || claims.request_uri !== undefined)
      throw new JwtError("claims", "a request holds no request");
    const { exp = 0, nbf = 0, jti = "" } = claims;
    if (exp - nbf > longest) throw new JwtError("claims", `the request counts for more than ${longest} seconds`);
    const first = await isFirst(op, ["ciba", client.client_id, jti], (exp + clockTolerance) * 1000);
    if (!first) throw new JwtError("claims", "the request was sent before");
    return claims;
  } catch (cause) {
    if (cause instanceof JwksUnavailable)
      throw temporarilyUnavailable("the keys of the client cannot be had at the moment", { cause });
    if (!(cause instanceof JwtError)) throw cause;
    throw invalidRequest(`the signed request is refused: ${cause.message}`, { cause });
  }
}
