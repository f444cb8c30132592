/**
 * How applications hear that somebody signed out here: from server to server, or through the browser (OpenID Connect Back-Channel
 * Logout 1.0, Front-Channel Logout 1.0).
 */
import { invalidClientMetadata } from "@valetkey/protocol/errors";
import { isLoopbackHost } from "@valetkey/protocol/loopback";
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import { type Client, isStranger } from "../clients.ts";
import { boolean, type MemberCheck } from "../lib/client-members.ts";
import type { Part } from "../part.ts";

export interface LogoutChannel extends Part {
  readonly channel: "back" | "front";
}

/** https, or http on loopback for development; no fragment (Back-Channel Logout §2.2, Front-Channel Logout §2). */
const logoutUri: MemberCheck = (value, name) => {
  if (typeof value === "string" && value.length <= 2048 && URL.canParse(value) && !value.includes("#")) {
    const { protocol, hostname, username, password } = new URL(value);
    const safe = protocol === "https:" || (protocol === "http:" && isLoopbackHost(hostname));
    // Parsers let `;` and `,` pass, which mean something where frames are listed by origin.
    if (safe && username === "" && password === "" && /^[\w.:[\]-]+$/.test(hostname)) return true;
  }
  throw invalidClientMetadata(`${name} must be an https URL without fragment`);
};

/**
 * Checks that a stranger does not make this server call programs on its own machine: http on loopback is for those that are
 * registered by hand, or for a server in development. Throws `invalid_client_metadata`.
 */
export function checkLogoutChannel(
  { issuer }: { readonly issuer: string },
  { backchannel_logout_uri: uri }: ClientMetadata,
  provenance: Client["provenance"],
): void {
  if (uri === undefined || !isStranger({ provenance }) || isLoopbackHost(new URL(issuer).hostname)) return;
  const { protocol, hostname } = new URL(uri);
  if (protocol !== "https:" || isLoopbackHost(hostname))
    throw invalidClientMetadata("backchannel_logout_uri must be an https URL of another host");
}

/** Clients with `backchannel_logout_uri` are told by a logout token, queued and tried again for a day. */
export const backchannelLogout: LogoutChannel = {
  channel: "back",
  members: { backchannel_logout_uri: logoutUri, backchannel_logout_session_required: boolean },
  metadata: () => ({ backchannel_logout_supported: true, backchannel_logout_session_supported: true }),
};

/** Clients with `frontchannel_logout_uri` are told by a frame on the page that says the person is signed out. */
export const frontchannelLogout: LogoutChannel = {
  channel: "front",
  members: { frontchannel_logout_uri: logoutUri, frontchannel_logout_session_required: boolean },
  metadata: () => ({ frontchannel_logout_supported: true, frontchannel_logout_session_supported: true }),
};
