/**
 * The grant management API: a client looks at what a person has allowed it, or gives it back (Grant Management for OAuth 2.0 -03 §6).
 *
 * Guarantees that nothing is told or ended but for the client the grant was given to (and, with a person's token, by that person), with a token that has the scope for it, and that
 * no token is ever in an answer.
 */
import { challenge } from "@valetkey/protocol/authorization-header";
import { insufficientScope, invalidToken, jsonError, OAuthError } from "@valetkey/protocol/errors";
import { formatScope } from "@valetkey/protocol/scope";
import { cutGrant } from "../cut.ts";
import { find, type GrantData } from "../entries.ts";
import { jsonResponse } from "../lib/json-response.ts";
import type { Op, Peer } from "../op.ts";
import { checkPresented } from "../tokens/binding.ts";
import { readToken } from "../tokens/read-token.ts";
import { readPresented } from "./userinfo.ts";

/** Answers GET and DELETE of `<endpoint>/<grant_id>`. */
export async function grantEndpoint(op: Op, request: Request, peer: Peer): Promise<Response> {
  const revokes = request.method === "DELETE";
  try {
    const { client_id, subject } = await callerOf(
      op,
      request,
      peer,
      revokes ? "grant_management_revoke" : "grant_management_query",
    );
    const prefix = `${new URL(op.urls.grant_management).pathname}/`;
    const grant_id = new URL(request.url).pathname.slice(prefix.length);
    const entry = await find(op.store, "grant", grant_id);
    // §6.6: what belongs to others is as good as nothing.
    const isTheirs = subject === undefined || subject === entry?.subject;
    if (entry === undefined || entry.client !== client_id || !isTheirs)
      return new Response(null, { status: 404, headers: { "Cache-Control": "no-store" } });
    if (!revokes) return jsonResponse(described(op, entry.data, entry.expiresAt));
    await cutGrant(op, grant_id);
    op.log.info(
      { event: "grant.revoked", client_id, subject: entry.subject, grant: grant_id },
      "a client gave a grant back",
    );
    return new Response(null, { status: 204, headers: { "Cache-Control": "no-store" } });
  } catch (error) {
    if (!(error instanceof OAuthError) || (error.status !== 401 && error.status !== 403 && error.status !== 400))
      throw error;
    return refusal(error);
  }
}

/** The client whose token it is, and the person, if it is one's. Throws 401 or 403. */
async function callerOf(op: Op, request: Request, peer: Peer, scope: string) {
  const presented = readPresented(request, peer);
  const read = presented && (await readToken(op, presented.token, op.now()));
  if (presented === undefined || read?.state.kind !== "access" || !read.state.aud.includes(op.issuer))
    throw invalidToken("the access token is not valid here");
  await checkPresented(op, request, presented, read.state.cnf);
  if (!read.state.scope.includes(scope)) throw insufficientScope(`the access token lacks the scope ${scope}`);
  return read.state;
}

/** §6.4. */
function described(
  op: Op,
  { scope, resource, claims, authorization_details, createdAt, updatedAt }: GrantData,
  until = 0,
) {
  const seconds = (at: number) => Math.floor(at / 1000);
  const at = resource.map((one) => ({ one, known: op.resources.get(one)?.scopes ?? [] }));
  const bound = at.flatMap(({ one, known }) => {
    const here = scope.filter((name) => known.includes(name));
    return here.length === 0 ? [] : [{ scope: formatScope(here), resource: [one] }];
  });
  const free = scope.filter((name) => !at.some(({ known }) => known.includes(name)));
  const names = new Set([...Object.keys(claims?.userinfo ?? {}), ...Object.keys(claims?.id_token ?? {})]);
  return {
    scopes: [...bound, ...(free.length === 0 ? [] : [{ scope: formatScope(free) }])],
    ...(names.size === 0 ? {} : { claims: [...names] }),
    ...(authorization_details === undefined ? {} : { authorization_details }),
    created_at: seconds(createdAt),
    last_updated_at: seconds(updatedAt ?? createdAt),
    expires_at: seconds(until),
    updated_by: "client",
  };
}

function refusal(error: OAuthError): Response {
  const response = jsonError(error);
  const ofProof = error.error === "invalid_dpop_proof" || error.error === "use_dpop_nonce";
  const words = { error: error.error, error_description: error.description };
  response.headers.set("WWW-Authenticate", challenge(ofProof ? "DPoP" : "Bearer", words));
  return ofProof ? new Response(response.body, { status: 401, headers: response.headers }) : response;
}
