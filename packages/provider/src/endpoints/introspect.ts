/**
 * Token introspection (RFC 7662, RFC 9701): a resource server asks what a token is.
 *
 * Confidential clients only. Guarantees that a client learns about its own tokens and those meant for a resource it
 * introspects for, and that everything else, whatever the reason, is the same `{"active":false}`.
 */
import { invalidClient, invalidRequest } from "@valetkey/protocol/errors";
import { readForm } from "@valetkey/protocol/form";
import type { IntrospectionResponse } from "@valetkey/protocol/metadata";
import { formatScope } from "@valetkey/protocol/scope";
import { clientSubject } from "../claims.ts";
import { authenticateClient } from "../client-auth/authenticate.ts";
import type { Client } from "../clients.ts";
import { jsonResponse, jwtResponse } from "../lib/json-response.ts";
import { introspectSigned } from "../oauth1/introspect.ts";
import type { Op, Peer } from "../op.ts";
import type { TokenState } from "../options.ts";
import { subjectFor } from "../pairwise.ts";
import { protect } from "../protected-answers.ts";
import { type ReadToken, readToken } from "../tokens/read-token.ts";

/** Answers what a token is. Throws `OAuthError`. */
export async function introspectEndpoint(op: Op, request: Request, peer: Peer): Promise<Response> {
  const now = op.now();
  // §2.1: the hint is a hint. We need none, so it may be anything, twice even.
  const form = await readForm(request, { repeatable: ["token_type_hint"] });
  const client = await authenticateClient(op, request, form, peer);
  // §2.1 and §4: without authentication anybody could scan for tokens.
  if (!client.confidential) throw invalidClient("a public client cannot introspect tokens");
  if (form.token === undefined) throw invalidRequest("token is missing");
  const signed = await introspectSigned(op, form.token);
  const read = signed === undefined ? await readToken(op, form.token, now, client) : signed.read;
  const maySeeIt = read !== undefined && maySee(client, read.state);
  // Why a signed request is refused is for whoever signed it; what is not for this client to see stays as unknown.
  const besides = maySeeIt || read === undefined ? signed?.besides : undefined;
  const answer: IntrospectionResponse = {
    ...(maySeeIt ? await describe(op, read, now) : { active: false }),
    ...besides,
  };
  if (!wantsJwt(op, client, request)) return jsonResponse(answer);
  // RFC 9701 §5: for the resource server that asked, and no other.
  const claims = { iss: op.issuer, aud: client.client_id, iat: Math.floor(now / 1000), token_introspection: answer };
  return jwtResponse(await protect(op, client, "introspection", claims, jwtType), `application/${jwtType}`);
}

const jwtType = "token-introspection+jwt";

/** RFC 9701 §4 and §6: by the request's Accept, or because the answer must be encrypted. */
function wantsJwt(op: Op, { metadata }: Client, request: Request): boolean {
  const forms = op.answers.filter(({ answer }) => answer === "introspection").map(({ form }) => form);
  if (forms.includes("encrypted") && metadata.introspection_encrypted_response_alg !== undefined) return true;
  return forms.includes("signed") && request.headers.get("accept")?.includes(`application/${jwtType}`) === true;
}

function maySee(client: Client, state: TokenState): boolean {
  if (state.client_id === client.client_id) return true;
  // A refresh token is nobody's business but its client's.
  if (state.kind !== "access") return false;
  const introspects = Array.isArray(client.metadata.introspects) ? client.metadata.introspects : [];
  return state.aud.some((one) => introspects.includes(one));
}

function refreshStateOf(op: Op, { state, grant }: ReadToken, now: number): Record<string, unknown> {
  if (state.kind !== "refresh" || grant === undefined) return {};
  const { id, data, expiresAt = data.createdAt + op.lifetimes.refreshAbsolute * 1000 } = grant;
  const known = { grant: { id, data, expiresAt }, refreshUntil: state.exp * 1000, now };
  return Object.assign({}, ...op.parts.map((part) => part.refreshState?.(op, known)));
}

async function describe(op: Op, read: ReadToken, now: number): Promise<IntrospectionResponse> {
  const { state, client: owner } = read;
  const { client_id, subject, scope, aud, iat, exp, auth_time, acr, jti, kind, cnf, authorization_details, claims } =
    state;
  return {
    ...claims,
    ...refreshStateOf(op, read, now),
    active: true,
    iss: op.issuer,
    // Whom the client of the token knows: a resource server sees what an at+jwt would say.
    sub: subject === undefined ? clientSubject(client_id) : await subjectFor(op, owner, subject),
    client_id,
    aud: aud.length === 1 ? (aud[0] ?? "") : [...aud],
    scope: formatScope(scope),
    ...(kind === "access" ? { token_type: cnf?.jkt === undefined ? "Bearer" : "DPoP" } : {}),
    iat,
    exp,
    jti,
    ...(auth_time === undefined ? {} : { auth_time }),
    ...(acr === undefined ? {} : { acr }),
    ...(cnf === undefined ? {} : { cnf: { ...cnf } }),
    ...(authorization_details === undefined ? {} : { authorization_details }),
  };
}
