/**
 * Where a client sends the person: from temporary credentials to an interaction like any other (RFC 5849 §2.2).
 *
 * Guarantees that nothing but the token decides what is asked, and by whom: further parameters of the URL are not looked at.
 */
import { invalidRequest } from "@valetkey/protocol/errors";
import { readQuery } from "@valetkey/protocol/form";
import { continueUrl } from "../authorize/interaction.ts";
import { findClient } from "../clients.ts";
import { begin } from "../endpoints/authorize.ts";
import { findByHandle } from "../entries.ts";
import type { Op, Peer } from "../op.ts";
import { isOpen } from "../waiting.ts";

/** Begins the interaction (303). What is unknown, over or decided is `invalid_request`, for the error page. */
export async function oauth1AuthorizeEndpoint(op: Op, http: Request, peer: Peer): Promise<Response> {
  const { oauth_token } = readQuery(new URL(http.url));
  if (oauth_token === undefined) throw invalidRequest("oauth_token is missing");
  const temporary = await findByHandle(op.store, "oauth1", oauth_token);
  const client = temporary && (await findClient(op, temporary.client ?? ""));
  if (temporary === undefined || client === undefined || client.disabled || !isOpen(temporary.data, op.now()))
    throw invalidRequest("this link has expired or was used already; go back to the application and start again");
  return begin(op, http, peer, temporary.data.request, undefined, undefined, continueUrl(op));
}
