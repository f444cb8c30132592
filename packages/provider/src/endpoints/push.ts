/**
 * The pushed authorization request endpoint: a client hands in its request before the browser comes (RFC 9126 §2).
 *
 * Guarantees that what is kept was checked like a request at the authorization endpoint, after the client proved who it is,
 * and that the reference given out can be neither guessed nor used by another client.
 */
import { invalidRequest } from "@valetkey/protocol/errors";
import { encodeForm, readForm } from "@valetkey/protocol/form";
import { createHandle } from "@valetkey/protocol/random";
import { checkRequest } from "../authorize/check-request.ts";
import { checkState } from "../authorize/read-request.ts";
import { readRequestObject } from "../authorize/request-object.ts";
import { pushedPrefix } from "../authorize/resolve-request.ts";
import { targetOf, targetParameters } from "../authorize/trusted-target.ts";
import { authenticateClient } from "../client-auth/authenticate.ts";
import { insert } from "../entries.ts";
import { checkFlood } from "../flood.ts";
import { jsonResponse } from "../lib/json-response.ts";
import type { Op, Peer } from "../op.ts";
import { findBinding } from "../tokens/binding.ts";

/** Keeps a request and answers with its `request_uri`. Throws `OAuthError`. */
export async function pushEndpoint(op: Op, request: Request, peer: Peer): Promise<Response> {
  const form = await readForm(request, { repeatable: ["resource"] });
  const client = await authenticateClient(op, request, form, peer);
  // §2.1: a pushed request refers to no other.
  if (form.request_uri !== undefined) throw invalidRequest("request_uri has no place in a pushed request");
  if (form.client_id !== undefined && form.client_id !== client.client_id)
    throw invalidRequest("client_id is not the client that authenticated");
  const binding = await findBinding(op, request, peer, client);
  const parameters = (await readRequestObject(op, client, form)) ?? form;
  checkState(parameters.state);
  if (parameters.redirect_uri === undefined && op.push?.namesRedirect === true)
    throw invalidRequest("redirect_uri is missing");
  const target = targetOf(op, client, targetParameters(parameters));
  const checked = await checkRequest(op, target, parameters, { pushed: true, signed: parameters !== form });
  const jkt = binding?.cnf.jkt;
  // RFC 9449 §10.1: the proof and the parameter name one key.
  if (jkt !== undefined && checked.dpop_jkt !== undefined && checked.dpop_jkt !== jkt)
    throw invalidRequest("dpop_jkt is not the key of the DPoP proof");
  if (!client.confidential) await checkFlood(op, peer);

  const now = op.now();
  const { id, handle, digest } = await createHandle("pushed", now);
  const { lifetime } = op.push ?? { lifetime: 60 };
  const data = {
    digest,
    parameters: encodeForm({ ...withoutCredentials(parameters), client_id: client.client_id }),
    signed: parameters !== form,
    ...(jkt === undefined ? {} : { dpop_jkt: jkt }),
  };
  await op.store.commit([insert("pushed", { id, client: client.client_id, expiresAt: now + lifetime * 1000, data })]);
  return jsonResponse(
    { request_uri: pushedPrefix + handle, expires_in: lifetime },
    { status: 201, ...(binding?.headers === undefined ? {} : { headers: binding.headers }) },
  );
}

function withoutCredentials(parameters: Parameters<typeof encodeForm>[0]) {
  // A copy keeps the repeatable parameters: they are under a symbol.
  const { client_secret, client_assertion, client_assertion_type, ...rest } = parameters as Record<string, string>;
  return rest;
}
