/**
 * The userinfo endpoint: claims about the person behind an access token (OpenID Connect Core §5.3, RFC 6750 §2 and §3, RFC 9449 §7),
 * or behind the token a request is signed with (RFC 5849 §3).
 *
 * The token comes in the Authorization header and nowhere else. Guarantees that only claims of granted scopes are
 * answered, and none for a token that is not active, not meant for us, or has no person behind it.
 */
import { challenge, readAuthorization, readBearer } from "@valetkey/protocol/authorization-header";
import { insufficientScope, invalidRequest, invalidToken, jsonError, OAuthError } from "@valetkey/protocol/errors";
import { readForm } from "@valetkey/protocol/form";
import { OAuth1Problem, problemResponse } from "@valetkey/protocol/oauth1/problem";
import { isOAuth1Request } from "@valetkey/protocol/oauth1/signed-request";
import { claimsFor, pickClaims } from "../claims.ts";
import type { Client } from "../clients.ts";
import { jsonResponse, jwtResponse } from "../lib/json-response.ts";
import { readSignedToken } from "../oauth1/read-token.ts";
import { ownPlace } from "../oauth1/verify-request.ts";
import type { Op, Peer } from "../op.ts";
import { subjectFor } from "../pairwise.ts";
import { protect } from "../protected-answers.ts";
import { checkPresented, type Presented } from "../tokens/binding.ts";
import { type ReadToken, readToken } from "../tokens/read-token.ts";

/** Answers with the claims, or with a Bearer challenge. */
export async function userinfoEndpoint(op: Op, request: Request, peer: Peer): Promise<Response> {
  try {
    return await userinfo(op, request, peer);
  } catch (error) {
    if (error instanceof OAuth1Problem) return problemResponse(error, { realm: op.issuer });
    if (!(error instanceof OAuthError) || error.status === 503) throw error;
    return refusal(op, request, error);
  }
}

async function userinfo(op: Op, request: Request, peer: Peer): Promise<Response> {
  if (op.oauth1 !== undefined && (await isOAuth1Request(request))) return answer(op, await readSigned(op, request));
  const now = op.now();
  await refuseElsewhere(request);
  const presented = readPresented(request, peer);
  // RFC 6750 §3.1: who brought nothing is told what to bring, without an error code.
  if (presented === undefined) {
    const headers = new Headers({ "Cache-Control": "no-store" });
    for (const scheme of schemesOf(op)) headers.append("WWW-Authenticate", challenge(scheme));
    return new Response(null, { status: 401, headers });
  }
  const read = await readToken(op, presented.token, now);
  if (read === undefined || read.state.kind !== "access" || !read.state.aud.includes(op.issuer)) {
    throw invalidToken("the access token is not valid here");
  }
  await checkPresented(op, request, presented, read.state.cnf);
  return answer(op, read);
}

/** RFC 5849 §3: a signed request stands for its token. */
async function readSigned(op: Op, request: Request): Promise<ReadToken> {
  const read = await readSignedToken(op, request, ownPlace(op));
  if (!read.state.scope.includes("openid"))
    throw new OAuth1Problem("permission_denied", "the token lacks the scope openid");
  return read;
}

async function answer(op: Op, read: ReadToken): Promise<Response> {
  const { state, account } = read;
  if (account === undefined || !state.scope.includes("openid"))
    throw insufficientScope("the access token lacks the scope openid");
  // OpenID Connect Core §5.5: asked for one by one, and allowed by the person.
  const asked = Object.keys(read.grant?.data.claims?.userinfo ?? {});
  const { client } = read;
  const sub = await subjectFor(op, client, account.sub);
  const claims = { ...claimsFor(op, state.scope, account), ...pickClaims(asked, account), sub };
  return wantsJwt(op, client)
    ? jwtResponse(await protect(op, client, "userinfo", { ...claims, iss: op.issuer, aud: client.client_id }))
    : jsonResponse(claims);
}

/** §5.3.2: as registered. What is to be encrypted is signed as well. */
function wantsJwt(op: Op, { metadata }: Client): boolean {
  return op.answers.some(
    ({ answer, form }) => answer === "userinfo" && metadata[`userinfo_${form}_response_alg`] !== undefined,
  );
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

/** RFC 6750 §2.1, RFC 9449 §7.1: the token and the scheme it came with; nothing if there is none. */
export function readPresented(request: Request, peer: Peer): Presented | undefined {
  const { scheme, credentials = "" } = readAuthorization(request.headers.get("authorization")) ?? {};
  if (scheme !== "dpop") {
    const token = readBearer(request);
    return token === undefined ? undefined : { scheme: "Bearer", token, peer };
  }
  if (!/^[A-Za-z0-9._~+/-]+=*$/.test(credentials))
    throw invalidRequest("the Authorization header must be one DPoP token");
  return { scheme: "DPoP", token: credentials, peer };
}

/** What may be brought here. */
const schemesOf = (op: Op) => [
  ...(op.bindings.some(({ binding }) => binding === "dpop") ? (["DPoP"] as const) : []),
  "Bearer" as const,
];

function refusal(op: Op, request: Request, error: OAuthError): Response {
  const scope = error.error === "insufficient_scope" ? "openid" : undefined;
  const ofProof = error.error === "invalid_dpop_proof" || error.error === "use_dpop_nonce";
  const withDpop = ofProof || readAuthorization(request.headers.get("authorization"))?.scheme === "dpop";
  const algs = withDpop ? op.parts.flatMap((part) => part.metadata?.(op).dpop_signing_alg_values_supported ?? []) : [];
  const response = jsonError(error);
  response.headers.set(
    "WWW-Authenticate",
    challenge(withDpop ? "DPoP" : "Bearer", {
      error: error.error,
      error_description: error.description,
      scope,
      algs: algs.length === 0 ? undefined : algs.join(" "),
    }),
  );
  // RFC 9449 §7.1: at a protected endpoint a bad proof is 401, like a bad token.
  return ofProof ? new Response(response.body, { status: 401, headers: response.headers }) : response;
}
