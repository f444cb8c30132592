/**
 * The userinfo endpoint: claims about the person behind an access token (OpenID Connect Core §5.3, RFC 6750 §2 and §3).
 *
 * The token comes in the Authorization header and nowhere else. Guarantees that only claims of granted scopes are
 * answered, and none for a token that is not active, not meant for us, or has no person behind it.
 */
import { challenge, readBearer } from "@valetkey/protocol/authorization-header";
import { insufficientScope, invalidRequest, invalidToken, jsonError, OAuthError } from "@valetkey/protocol/errors";
import { readForm } from "@valetkey/protocol/form";
import { claimsFor } from "../claims.ts";
import { jsonResponse } from "../lib/json-response.ts";
import type { Op } from "../op.ts";
import { readToken } from "../tokens/read-token.ts";

/** Answers with the claims, or with a Bearer challenge. */
export async function userinfoEndpoint(op: Op, request: Request): Promise<Response> {
  try {
    return await userinfo(op, request);
  } catch (error) {
    if (!(error instanceof OAuthError) || error.status === 503) throw error;
    return refusal(error);
  }
}

async function userinfo(op: Op, request: Request): Promise<Response> {
  const now = op.now();
  await refuseElsewhere(request);
  const token = readBearer(request);
  // RFC 6750 §3.1: who brought nothing is told what to bring, without an error code.
  if (token === undefined)
    return new Response(null, {
      status: 401,
      headers: { "WWW-Authenticate": challenge("Bearer"), "Cache-Control": "no-store" },
    });
  const read = await readToken(op, token, now);
  if (read === undefined || read.state.kind !== "access" || !read.state.aud.includes(op.issuer)) {
    throw invalidToken("the access token is not valid here");
  }
  const { state, account } = read;
  if (account === undefined || !state.scope.includes("openid"))
    throw insufficientScope("the access token lacks the scope openid");
  return jsonResponse({ ...claimsFor(op, state.scope, account), sub: account.sub });
}

/** RFC 6750 §2.2 and §2.3: tokens in queries end up in logs; two places at once must be refused in any case. */
async function refuseElsewhere(request: Request): Promise<void> {
  if (new URL(request.url).searchParams.has("access_token")) {
    throw invalidRequest("send the access token in the Authorization header, not in the query");
  }
  const isForm =
    request.headers.get("content-type")?.toLowerCase().startsWith("application/x-www-form-urlencoded") === true;
  if (request.method === "POST" && isForm && (await readForm(request)).access_token !== undefined) {
    throw invalidRequest("send the access token in the Authorization header, not in the body");
  }
}

function refusal(error: OAuthError): Response {
  const scope = error.error === "insufficient_scope" ? "openid" : undefined;
  const response = jsonError(error);
  response.headers.set(
    "WWW-Authenticate",
    challenge("Bearer", { error: error.error, error_description: error.description, scope }),
  );
  return response;
}
