/**
 * The token endpoint (RFC 6749 §3.2, §5; OpenID Connect Core §3.1.3; RFC 8707 §2.2).
 *
 * One straight line: read the form, authenticate the client, find the grant type, read which key is proved, issue. Guarantees
 * that nobody is asked what they want before it is known who they are.
 */
import { invalidRequest, unauthorizedClient, unsupportedGrantType } from "@valetkey/protocol/errors";
import { type Form, readForm } from "@valetkey/protocol/form";
import { authenticateClient } from "../client-auth/authenticate.ts";
import type { Client } from "../clients.ts";
import type { GrantType } from "../grants/grant-type.ts";
import { jsonResponse } from "../lib/json-response.ts";
import type { Op, Peer } from "../op.ts";
import { readBinding } from "../tokens/binding.ts";
import { issue } from "../tokens/issue.ts";

/** Answers a token request. Throws `OAuthError`. */
export async function tokenEndpoint(op: Op, request: Request, peer: Peer): Promise<Response> {
  const now = op.now();
  const form = await readForm(request, { repeatable: ["resource", "audience"] });
  const client = await authenticateClient(op, request, form, peer);
  const type = findGrantType(op, client, form);
  const binding = await readBinding(op, request, peer, client);
  const tokens = await issue(op, type, { form, client, now, peer, ...(binding === undefined ? {} : { binding }) });
  return jsonResponse(tokens, binding?.headers === undefined ? {} : { headers: binding.headers });
}

function findGrantType(op: Op, client: Client, form: Form): GrantType {
  if (form.grant_type === undefined) throw invalidRequest("grant_type is missing");
  const type = op.grants.get(form.grant_type);
  if (type === undefined) throw unsupportedGrantType("this grant_type is not supported");
  // RFC 7591 §2: authorization_code unless the client registered otherwise.
  const registered = client.metadata.grant_types ?? ["authorization_code"];
  if (!registered.includes(type.grant_type))
    throw unauthorizedClient("the client is not registered for this grant_type");
  return type;
}
