/**
 * Signs in on a device without a browser: the person goes to a page on another one and enters a code.
 *
 * RFC 8628 §3.1 to §3.5, RFC 10027 (say on the device what is being allowed; short lives).
 * Guarantees that what is shown to the person is a web address and a printable code, whatever the server answered.
 */

import { type PollOptions, poll } from "./lib/poll.ts";
import { type EndpointOptions, postForJson, secondsMember, textMember, unusable } from "./lib/post-for-json.ts";
import { readSecureUrl } from "./lib/secure-url.ts";
import type { Parameters, Tokens } from "./token-request.ts";

const grant_type = "urn:ietf:params:oauth:grant-type:device_code";

export interface DeviceAuthorization extends EndpointOptions {
  readonly scope?: string;
  readonly resource?: string | readonly string[];
  /** Parameters of the issuer's own. */
  readonly parameters?: Parameters;
}

/** What to show, and what to poll with. */
export interface DeviceCode {
  /** A secret of this device. */
  readonly device_code: string;
  /** To be shown as it is. */
  readonly user_code: string;
  readonly verification_uri: string;
  /** With the code in it, for a QR code; the person still compares `user_code`. */
  readonly verification_uri_complete?: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** Seconds between two polls. */
  readonly interval: number;
}

/** Starts a device sign-in. A refusal is `authorization_refused`; an address that is no web address is `token_response_invalid`. */
export async function startDeviceAuthorization(request: DeviceAuthorization): Promise<DeviceCode> {
  const { scope, resource, parameters, metadata, now = Date.now } = request;
  const form = { ...parameters, scope, resource };
  const outcome = { refused: "authorization_refused", statuses: [200], grant_type } as const;
  const body = await postForJson("device_authorization_endpoint", form, request, outcome);
  const user_code = textMember(body, "user_code", 64);
  if (!/^[\x20-\x7e]+$/.test(user_code)) throw unusable("user_code is not printable");
  const secure = (name: string) => {
    const uri = textMember(body, name, 2048);
    // It will be opened, or shown as a QR code: a script or a file is no page to enter a code on.
    if (readSecureUrl(uri, metadata.issuer.startsWith("http:")) === undefined) throw unusable(`${name} is not https`);
    return uri;
  };
  return {
    device_code: textMember(body, "device_code"),
    user_code,
    verification_uri: secure("verification_uri"),
    ...(body.verification_uri_complete === undefined
      ? {}
      : { verification_uri_complete: secure("verification_uri_complete") }),
    expiresAt: now() + secondsMember(body, "expires_in", { longest: 86_400 }) * 1000,
    // §3.2: five seconds, if the server does not say.
    interval: secondsMember(body, "interval", { longest: 300, missing: 5 }),
  };
}

/**
 * Polls until the person has decided. A denial is `access_denied`; if nobody decides in time it is `token_refused` with the
 * `error` `expired_token`. An ID token in the answer is still to be verified (`checkIdToken`).
 */
export async function pollDevice(device: DeviceCode, options: PollOptions): Promise<Tokens> {
  return poll({ grant_type, device_code: device.device_code }, device, options);
}
