/**
 * From what came in a URL to the parameters that count: pushed before, in a request object, or just there.
 *
 * RFC 9126 §4, RFC 9101 §5 and §6.3. Guarantees that of a pushed or signed request nothing can be changed from the browser, that
 * a pushed request is its client's, and that it is begun once.
 */
import { invalidRequest, invalidRequestUri } from "@valetkey/protocol/errors";
import { type Form, parseForm } from "@valetkey/protocol/form";
import { findByHandle, type Known } from "../entries.ts";
import { checkFlood } from "../flood.ts";
import { meetClient } from "../meet-client.ts";
import type { Op, Peer } from "../op.ts";
import { checkState } from "./read-request.ts";
import { readRequestObject } from "./request-object.ts";

/** What a `request_uri` of ours begins with (RFC 9126 §2.2). */
export const pushedPrefix = "urn:ietf:params:oauth:request_uri:";

export interface ResolvedRequest {
  readonly parameters: Form;
  /** The request was pushed. */
  readonly pushed?: Known<"pushed">;
  /** The parameters were in an object that the client signed. */
  readonly signed: boolean;
}

/** Resolves. What is wrong is thrown and shown to the person: no target is trusted yet. */
export async function resolveRequest(op: Op, form: Form, peer: Peer): Promise<ResolvedRequest> {
  if (op.push !== undefined && form.request_uri?.startsWith(pushedPrefix))
    return findPushed(op, form, form.request_uri);
  if (op.requestObjects === undefined || form.client_id === undefined) return { parameters: form, signed: false };
  const client = await meetClient(op, form.client_id, peer);
  if (client === undefined || client.disabled) return { parameters: form, signed: false };
  // Whoever comes makes this server call the client's: not without end.
  if (form.request_uri !== undefined) await checkFlood(op, peer);
  const parameters = await readRequestObject(op, client, form);
  if (parameters === undefined) return { parameters: form, signed: false };
  checkState(parameters.state);
  // Core §6.1: what a plain OAuth 2.0 server would look at must be the same inside.
  for (const name of ["response_type", "client_id"]) {
    if (form[name] !== undefined && form[name] !== parameters[name])
      throw invalidRequest(`${name} is not the same inside and outside of the request object`);
  }
  return { parameters, signed: true };
}

async function findPushed(op: Op, form: Form, request_uri: string): Promise<ResolvedRequest> {
  const pushed = await findByHandle(op.store, "pushed", request_uri.slice(pushedPrefix.length));
  // RFC 9126 §4: bound to the client it was given to; one answer whatever is wrong.
  if (pushed === undefined || pushed.client !== form.client_id)
    throw invalidRequestUri(
      "this request is unknown, was used already, or has expired; go back to the application and start again",
    );
  const parameters = parseForm(pushed.data.parameters, { repeatable: ["resource"] });
  return { parameters, pushed, signed: pushed.data.signed };
}
