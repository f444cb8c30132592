/**
 * Approvals: how a person gets from the code a device shows, or from a list, to the request that waits for them.
 *
 * RFC 8628 §3.3, §5.1, §6.1; CIBA Core §7; RFC 10027 (rate limits). Guarantees that user codes are guessed slowly, and that a
 * backchannel request is listed for its own person alone. Who decides is the authorization endpoint's business.
 */
import { tooManyRequests } from "@valetkey/protocol/errors";
import { describeApproval } from "./authorize/approval.ts";
import { continueUrl } from "./authorize/interaction.ts";
import { findClient } from "./clients.ts";
import { begin } from "./endpoints/authorize.ts";
import { find, type Known, list } from "./entries.ts";
import { networkOf } from "./network.ts";
import type { Limit, Op, Peer } from "./op.ts";
import type { Approvals, WaitingRequest } from "./options.ts";
import { checkSameSite } from "./same-site.ts";
import { countAttempt } from "./throttle.ts";
import { findDevice, readUserCode } from "./user-code.ts";
import { isOpen, type WaitingData } from "./waiting.ts";

/** Codes typed from one network, right ones too: an office may share one. */
const perNetwork: Limit = { attempts: 30, seconds: 600 };
/** Wrong codes from anywhere: 20^8 codes would last for centuries. */
const everywhere: Limit = { attempts: 1000, seconds: 600 };

/** The `Approvals` of the public face. */
export function approvalsOf(op: Op): Approvals {
  return {
    async enter(request, user_code, peer = {}) {
      checkSameSite(op, request);
      await checkGuessing(op, peer);
      const device = await findDevice(op, readUserCode(user_code));
      if (device !== undefined && (await isLive(op, device))) return start(op, request, peer, device.data);
      await op.throttle.failed("user-code", everywhere);
      op.log.info({ event: "user-code.refused", network: networkOf(peer.ip) }, "a user code was wrong");
      return undefined;
    },

    async list(subject) {
      const entries = await list(op.store, "backchannel", { subject, limit: 100 });
      const listed = await Promise.all(entries.map((entry) => describe(op, entry)));
      return listed.filter((one) => one !== undefined);
    },

    async open(request, id, peer = {}) {
      const entry = await find(op.store, "backchannel", id);
      // It names its person: nobody else gets as far as being asked.
      return entry !== undefined && (await isLive(op, entry)) ? start(op, request, peer, entry.data) : undefined;
    },
  };
}

async function checkGuessing(op: Op, peer: Peer): Promise<void> {
  const network = networkOf(peer.ip);
  const here = network === undefined ? 0 : await countAttempt(op.throttle, `user-code:${network}`, perNetwork);
  const wait = here > 0 ? here : await op.throttle.blocked("user-code", everywhere);
  if (wait > 0) throw tooManyRequests("too many codes were tried, wait before trying again", wait);
}

async function isLive(op: Op, { client = "", data }: { client?: string; data: WaitingData }): Promise<boolean> {
  return isOpen(data, op.now()) && (await findClient(op, client))?.disabled === false;
}

const start = (op: Op, request: Request, peer: Peer, data: WaitingData): Promise<Response> =>
  begin(op, request, peer, data.request, undefined, undefined, continueUrl(op));

async function describe(op: Op, entry: Known<"backchannel">): Promise<WaitingRequest | undefined> {
  if (!(await isLive(op, entry))) return undefined;
  const client = await findClient(op, entry.client ?? "");
  const approval = await describeApproval(op, { kind: "backchannel", id: entry.id });
  if (client === undefined || approval === undefined) return undefined;
  const { client_id, metadata } = client;
  return { ...approval, id: entry.id, client: { client_id, client_name: metadata.client_name ?? client_id } };
}
