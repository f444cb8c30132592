/**
 * The device authorization grant: signing in on something without a browser or keyboard (RFC 8628, RFC 10027).
 *
 * Guarantees that a device code yields tokens once, and only for what a person allowed after comparing the code on its screen.
 */
import { invalidRequest } from "@valetkey/protocol/errors";
import { deviceAuthorizationEndpoint } from "../endpoints/device-authorization.ts";
import type { GrantType } from "./grant-type.ts";
import { redeemWaiting } from "./redeem-waiting.ts";

const grant_type = "urn:ietf:params:oauth:grant-type:device_code";

/** How long a device waits, and how often it asks. */
export interface DeviceCodeOptions {
  /** Seconds a person has to enter the code and decide: 600 unless given, 1800 at most. */
  readonly lifetime?: number;
  /** Seconds between two polls: 5 unless given. */
  readonly interval?: number;
}

/**
 * `urn:ietf:params:oauth:grant-type:device_code`, with its endpoint. People enter the code at `pages.device`, which calls
 * `provider.approvals.enter`. A lifetime or interval that is out of bounds is a `TypeError`.
 */
export function deviceCode({ lifetime = 600, interval = 5 }: DeviceCodeOptions = {}): GrantType {
  if (!Number.isSafeInteger(lifetime) || lifetime < 1 || lifetime > 1800)
    throw new TypeError("the lifetime of device codes must be 1 to 1800 seconds");
  if (!Number.isSafeInteger(interval) || interval < 1 || interval > 60)
    throw new TypeError("the interval of device codes must be 1 to 60 seconds");
  return {
    grant_type,
    endpoints: [
      {
        name: "device_authorization",
        methods: ["POST"],
        who: "script",
        run: (op, request, peer) => deviceAuthorizationEndpoint(op, request, peer, { grant_type, lifetime, interval }),
      },
    ],
    metadata: (op) => ({ device_authorization_endpoint: op.urls.device_authorization }),
    approval: { kind: "device", page: (op) => op.pages.device },
    async redeem(op, request) {
      const { device_code } = request.form;
      if (device_code === undefined) throw invalidRequest("device_code is missing");
      return redeemWaiting(op, "device", device_code, request);
    },
  };
}
