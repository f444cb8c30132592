/**
 * Token revocation (RFC 7009): a client gives back what it no longer needs.
 *
 * A refresh token goes with everything under its grant, an access token alone. Guarantees that the answer is the same
 * for one's own, unknown and foreign tokens, and that a foreign token stays as it is (P8).
 */
import { invalidRequest } from "@valetkey/protocol/errors";
import { readForm } from "@valetkey/protocol/form";
import { authenticateClient } from "../client-auth/authenticate.ts";
import { removeAll } from "../cut.ts";
import { find, findByHandle } from "../entries.ts";
import type { Op, Peer } from "../op.ts";
import { readToken, revokeRead } from "../tokens/read-token.ts";

/** Answers 200 with nothing. Throws `OAuthError`. */
export async function revokeEndpoint(op: Op, request: Request, peer: Peer): Promise<Response> {
  const now = op.now();
  const form = await readForm(request, { repeatable: ["token_type_hint"] });
  const client = await authenticateClient(op, request, form, peer);
  if (form.token === undefined) throw invalidRequest("token is missing");
  const read = await readToken(op, form.token, now, client);
  if (read !== undefined) {
    if (read.state.client_id === client.client_id) await revokeRead(op, read);
  } else {
    // A client that lost the answer of its last refresh holds the spent token only: it means the same grant.
    const spent = await findByHandle(op.store, "refresh", form.token);
    const grant = spent && (await find(op.store, "grant", spent.data.grant));
    if (grant?.client === client.client_id) await removeAll(op, [grant]);
  }
  return new Response(null, { status: 200, headers: { "Cache-Control": "no-store" } });
}
