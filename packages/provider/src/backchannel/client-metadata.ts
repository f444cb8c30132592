/**
 * What a client registers for backchannel authentication (CIBA Core §4).
 *
 * Guarantees that whoever must be told can be, on https, and that whoever must sign has a key.
 */
import { invalidClientMetadata } from "@valetkey/protocol/errors";
import { isLoopbackHost } from "@valetkey/protocol/loopback";
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import { clientKeyMembers } from "../client-keys.ts";
import { boolean, type MemberCheck, oneOf } from "../lib/client-members.ts";
import type { BackchannelPolicy } from "./policy.ts";

/** The grant type's name. */
export const cibaGrant = "urn:openid:params:grant-type:ciba";

/** The members, one by one. */
export function backchannelMembers({
  algorithms,
  checkUserCode,
}: Pick<BackchannelPolicy, "algorithms" | "checkUserCode">): Record<string, MemberCheck> {
  return {
    ...clientKeyMembers,
    // Push (§10.3) would send tokens to wherever this points.
    backchannel_token_delivery_mode: oneOf("poll", "ping"),
    backchannel_client_notification_endpoint: notificationEndpoint,
    backchannel_authentication_request_signing_alg: oneOf(...algorithms),
    backchannel_user_code_parameter: (value, name) => {
      if (value === true && checkUserCode === undefined) throw invalidClientMetadata(`${name} is not supported`);
      return boolean(value, name);
    },
  };
}

const notificationEndpoint: MemberCheck = (value, name) => {
  const url = typeof value === "string" && value.length <= 2048 && URL.canParse(value) ? new URL(value) : undefined;
  const usable = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopbackHost(url.hostname));
  if (url === undefined || !usable || url.username !== "" || url.password !== "" || url.hash !== "")
    throw invalidClientMetadata(`${name} must be an https URL`);
  return true;
};

/** Checks the members together. Throws `invalid_client_metadata`. `allowLoopbackHttp`: an operator registered it. */
export function checkBackchannel(
  metadata: ClientMetadata,
  {
    grant_types,
    method,
    allowLoopbackHttp,
  }: { grant_types: readonly string[]; method: string; allowLoopbackHttp: boolean },
): void {
  if (!grant_types.includes(cibaGrant)) return;
  // §7.1: the client must authenticate.
  if (method === "none") throw invalidClientMetadata(`${cibaGrant} needs a token_endpoint_auth_method other than none`);
  const { backchannel_token_delivery_mode: mode, backchannel_client_notification_endpoint: endpoint } = metadata;
  if (mode === "ping" && endpoint === undefined)
    throw invalidClientMetadata("backchannel_token_delivery_mode ping needs backchannel_client_notification_endpoint");
  if (typeof endpoint === "string" && endpoint.startsWith("http:") && !allowLoopbackHttp)
    throw invalidClientMetadata("backchannel_client_notification_endpoint must be an https URL");
  const { backchannel_authentication_request_signing_alg: alg, jwks, jwks_uri } = metadata;
  if (alg !== undefined && jwks === undefined && jwks_uri === undefined)
    throw invalidClientMetadata("backchannel_authentication_request_signing_alg needs jwks or jwks_uri");
}
