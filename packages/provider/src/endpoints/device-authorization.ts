/**
 * The device authorization endpoint: a device asks for a code to show (RFC 8628 §3.1, §3.2).
 *
 * Guarantees that what is kept was checked like a request at the authorization endpoint, that device codes have 192 random bits,
 * that no two live devices show one user code, and that neither code can be read from the store.
 */
import { temporarilyUnavailable, unauthorizedClient } from "@valetkey/protocol/errors";
import { readForm } from "@valetkey/protocol/form";
import { checkChallenge } from "@valetkey/protocol/pkce";
import { createHandle } from "@valetkey/protocol/random";
import { approvalRequest } from "../authorize/approval.ts";
import { checkAsked, checkSupported } from "../authorize/check-request.ts";
import { appendQuery } from "../authorize/respond.ts";
import { authenticateClient } from "../client-auth/authenticate.ts";
import { insert } from "../entries.ts";
import { checkFlood } from "../flood.ts";
import { keptFor } from "../grants/redeem-waiting.ts";
import { jsonResponse } from "../lib/json-response.ts";
import { networkOf } from "../network.ts";
import type { Op, Peer } from "../op.ts";
import { findBinding } from "../tokens/binding.ts";
import { makeUserCode } from "../user-code.ts";
import type { WaitingData } from "../waiting.ts";

/** Codes that were drawn and are taken: with a million live devices one in 25,000. */
const maxAttempts = 5;

/** Answers with a device code and a user code. `lifetime` and `interval` in seconds. Throws `OAuthError`. */
export async function deviceAuthorizationEndpoint(
  op: Op,
  request: Request,
  peer: Peer,
  { grant_type, lifetime, interval }: { grant_type: string; lifetime: number; interval: number },
): Promise<Response> {
  const form = await readForm(request, { repeatable: ["resource"] });
  const client = await authenticateClient(op, request, form, peer);
  if (client.metadata.grant_types?.includes(grant_type) !== true)
    throw unauthorizedClient("the client is not registered for this grant_type");
  checkSupported(form);
  const asked = await checkAsked(op, client, form);
  // Not in RFC 8628; who sends it is held to it (RFC 7636).
  const { code_challenge, code_challenge_method } = form;
  if (code_challenge !== undefined || code_challenge_method !== undefined)
    checkChallenge(code_challenge, code_challenge_method);
  const binding = await findBinding(op, request, peer, client);
  if (!client.confidential) await checkFlood(op, peer);

  const now = op.now();
  const until = now + lifetime * 1000;
  const { client_id } = client;
  const network = networkOf(peer.ip);
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const { id, handle, digest } = await createHandle("device", now);
    const { user_code, id: index } = await makeUserCode(op, id);
    const data: WaitingData = {
      digest,
      request: approvalRequest("device", id, client_id, {
        ...asked,
        ...(code_challenge === undefined ? {} : { code_challenge }),
      }),
      createdAt: now,
      until,
      interval,
      ...(network === undefined ? {} : { network }),
      ...(binding === undefined ? {} : { cnf: binding.cnf }),
    };
    // Both or neither: the code is taken if another device shows it.
    const inserted = await op.store.commit([
      insert("user-code", { id: index, expiresAt: until, data: { device: id } }),
      insert("device", { id, client: client_id, expiresAt: until + keptFor, data }),
    ]);
    if (!inserted) continue;
    op.log.info({ event: "device.asked", client_id, scope: asked.scope, network }, "a device asks for access");
    const { device } = op.pages;
    return jsonResponse(
      {
        device_code: handle,
        user_code,
        verification_uri: device,
        verification_uri_complete: appendQuery(device, { user_code }),
        expires_in: lifetime,
        interval,
      },
      binding?.headers === undefined ? {} : { headers: binding.headers },
    );
  }
  throw temporarilyUnavailable("no user code is free, try again later");
}
