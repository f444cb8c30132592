/**
 * Token introspection (RFC 7662): a resource server asks what a token is.
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
import { jsonResponse } from "../lib/json-response.ts";
import type { Op, Peer } from "../op.ts";
import type { TokenState } from "../options.ts";
import { readToken } from "../tokens/read-token.ts";

/** Answers what a token is. Throws `OAuthError`. */
export async function introspectEndpoint(op: Op, request: Request, peer: Peer): Promise<Response> {
  const now = op.now();
  // §2.1: the hint is a hint. We need none, so it may be anything, twice even.
  const form = await readForm(request, { repeatable: ["token_type_hint"] });
  const client = await authenticateClient(op, request, form, peer);
  // §2.1 and §4: without authentication anybody could scan for tokens.
  if (!client.confidential) throw invalidClient("a public client cannot introspect tokens");
  if (form.token === undefined) throw invalidRequest("token is missing");
  const read = await readToken(op, form.token, now);
  const answer: IntrospectionResponse =
    read !== undefined && maySee(client, read.state) ? describe(op, read.state) : { active: false };
  return jsonResponse(answer);
}

function maySee(client: Client, state: TokenState): boolean {
  if (state.client_id === client.client_id) return true;
  // A refresh token is nobody's business but its client's.
  if (state.kind !== "access") return false;
  const introspects = Array.isArray(client.metadata.introspects) ? client.metadata.introspects : [];
  return state.aud.some((one) => introspects.includes(one));
}

function describe(op: Op, state: TokenState): IntrospectionResponse {
  const { client_id, subject, scope, aud, iat, exp, auth_time, acr, jti, kind } = state;
  return {
    active: true,
    iss: op.issuer,
    sub: subject ?? clientSubject(client_id),
    client_id,
    aud: aud.length === 1 ? (aud[0] ?? "") : [...aud],
    scope: formatScope(scope),
    ...(kind === "access" ? { token_type: "Bearer" } : {}),
    iat,
    exp,
    jti,
    ...(auth_time === undefined ? {} : { auth_time }),
    ...(acr === undefined ? {} : { acr }),
  };
}
