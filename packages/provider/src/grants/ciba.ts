/**
 * Client-initiated backchannel authentication: a client names a person, who decides on a device of their own (OpenID CIBA Core
 * 1.0, poll and ping modes; RFC 10027).
 *
 * Guarantees that an auth_req_id yields tokens once, to the client that asked, for what the person it named allowed.
 */
import { invalidRequest } from "@valetkey/protocol/errors";
import type { JwsAlgorithm } from "@valetkey/protocol/jwk";
import { backchannelMembers, cibaGrant } from "../backchannel/client-metadata.ts";
import { sendPing } from "../backchannel/ping.ts";
import type { BackchannelPolicy } from "../backchannel/policy.ts";
import { backchannelAuthenticationEndpoint } from "../endpoints/backchannel-authentication.ts";
import type { GrantType } from "./grant-type.ts";
import { redeemWaiting } from "./redeem-waiting.ts";

export type { Notice } from "../backchannel/policy.ts";

/** What `ciba()` takes: who is meant must be said, the rest has defaults. */
export type CibaOptions = Pick<BackchannelPolicy, "resolve"> & Partial<BackchannelPolicy>;

const algorithms: readonly JwsAlgorithm[] = ["ES256", "PS256", "EdDSA", "RS256"];

/**
 * `urn:openid:params:grant-type:ciba`, with its endpoint. People decide at `pages.approve`, which calls `provider.approvals`. Bounds
 * that do not fit together are a `TypeError`.
 */
export function ciba(options: CibaOptions): GrantType {
  const policy: BackchannelPolicy = {
    lifetime: 300,
    longest: 900,
    interval: 5,
    algorithms,
    pingDelays: [1000, 4000, 10_000],
    ...options,
  };
  const { lifetime, longest, interval } = policy;
  if (![lifetime, longest, interval].every((seconds) => Number.isSafeInteger(seconds) && seconds > 0))
    throw new TypeError("lifetime, longest and interval must be whole seconds");
  if (lifetime > longest || longest > 3600) throw new TypeError("lifetime <= longest <= 3600 seconds");
  return {
    grant_type: cibaGrant,
    endpoints: [
      {
        name: "backchannel_authentication",
        methods: ["POST"],
        who: "server",
        run: (op, request, peer) => backchannelAuthenticationEndpoint(op, request, peer, policy),
      },
    ],
    members: backchannelMembers(policy),
    metadata: (op) => ({
      backchannel_authentication_endpoint: op.urls.backchannel_authentication,
      backchannel_token_delivery_modes_supported: ["poll", "ping"],
      backchannel_authentication_request_signing_alg_values_supported: [...policy.algorithms],
      backchannel_user_code_parameter_supported: policy.checkUserCode !== undefined,
    }),
    approval: {
      kind: "backchannel",
      page: (op) => op.pages.approve,
      decided: (op, waiting) => void sendPing(op, waiting, policy.pingDelays),
    },
    async redeem(op, request) {
      const { auth_req_id } = request.form;
      if (auth_req_id === undefined) throw invalidRequest("auth_req_id is missing");
      return redeemWaiting(op, "backchannel", auth_req_id, request);
    },
  };
}
