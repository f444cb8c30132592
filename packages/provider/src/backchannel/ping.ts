/**
 * Tells a client in ping mode that a person has decided (CIBA Core §10.2).
 *
 * Goes out through the provider's own `fetch`, bounded in size and time, and follows no redirect. Guarantees that the notification
 * token is kept encrypted, is sent to the registered endpoint alone, and that nobody waits for an answer: the client may ask, too.
 */
import { type Bytes, hkdf } from "@valetkey/protocol/digest";
import { decryptText, encryptText } from "@valetkey/protocol/jose";
import { fetchText } from "@valetkey/protocol/read-json";
import type { Waiting } from "../authorize/approval.ts";
import { findClient } from "../clients.ts";
import type { Op } from "../op.ts";

/** What is kept to tell the client: encrypted, because the store must not know how to get tokens. */
export async function sealPing(op: Pick<Op, "secrets">, ping: { auth_req_id: string; token: string }): Promise<string> {
  return encryptText(await keyFrom(op.secrets[0]), JSON.stringify(ping));
}

const keyFrom = (secret: string): Promise<Bytes> => hkdf(secret, "valetkey backchannel pings", 32);

/** Tells the client, trying again after each of the delays (milliseconds) while it cannot be reached. Never rejects. */
export async function sendPing(
  op: Op,
  { client: client_id = "", data }: Waiting,
  delays: readonly number[],
): Promise<void> {
  try {
    const client = await findClient(op, client_id);
    const url = client?.metadata.backchannel_client_notification_endpoint;
    if (data.ping === undefined || typeof url !== "string") return;
    const keys = await Promise.all(op.secrets.map(keyFrom));
    const ping = JSON.parse(await decryptText(keys, data.ping)) as { auth_req_id: string; token: string };
    let outcome = await tryOnce(op, url, ping);
    for (const delay of delays) {
      if (outcome.done || outcome.final) break;
      op.log.debug({ event: "ping.retried", client_id, cause: outcome.how }, "a client will be told again");
      await pause(delay);
      outcome = await tryOnce(op, url, ping);
    }
    if (outcome.done) op.log.info({ event: "ping.sent", client_id }, "a client was told of a decision");
    else
      op.log.warn({ event: "ping.failed", client_id, cause: outcome.how }, "a client could not be told of a decision");
  } catch (cause) {
    op.log.error({ event: "ping.failed", client_id, cause }, "a client could not be told of a decision");
  }
}

interface Outcome {
  readonly done: boolean;
  /** Trying again would change nothing. */
  readonly final: boolean;
  readonly how: unknown;
}

async function tryOnce(
  op: Op,
  url: string,
  { auth_req_id, token }: { auth_req_id: string; token: string },
): Promise<Outcome> {
  try {
    const { response } = await fetchText(
      op.fetch,
      url,
      {
        method: "POST",
        headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
        body: JSON.stringify({ auth_req_id }),
      },
      { limit: 16_384, timeoutMs: 5000, redirect: "manual" },
    );
    const { status } = response;
    // §10.2: 200 and 204 are good; a redirect must not be followed, and who refuses will refuse again.
    return { done: response.ok, final: status !== 0 && status < 500 && status !== 429, how: status };
  } catch (cause) {
    return { done: false, final: false, how: cause };
  }
}

/** Waits, without keeping a process alive that is about to end. */
function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const timer: unknown = setTimeout(resolve, milliseconds);
    if (typeof timer === "object" && timer !== null && "unref" in timer && typeof timer.unref === "function")
      timer.unref();
  });
}
