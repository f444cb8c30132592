/**
 * The profile of a configuration: one word for what a server is for, and with it the lists it is composed of.
 *
 * The one property: the lists of the profile are settings like any other. `config print` shows them, and each is replaced by writing
 * it down.
 */
import type { ClientAuthMethod } from "@valetkey/provider/client-auth/method";
import type { GrantType } from "@valetkey/provider/grants/grant-type";
import type { LogoutChannel } from "@valetkey/provider/logout/channels";
import type { SigningAlg } from "@valetkey/provider/op";
import type { ProviderOptions } from "@valetkey/provider/options";
import type { Extension } from "@valetkey/provider/part";
import { fapi2 } from "@valetkey/provider/profiles/fapi2";
import { mcp } from "@valetkey/provider/profiles/mcp";
import { oauth21 } from "@valetkey/provider/profiles/oauth21";
import { openid } from "@valetkey/provider/profiles/openid";
import type { PushedRequests } from "@valetkey/provider/pushed-requests";
import type { ResponseMode } from "@valetkey/provider/response-modes/response-mode";
import { type ClientAuthName, clientAuthOf } from "./client-auth-names.ts";
import { type GrantName, type GrantParts, grantTypesOf, usualGrants } from "./grant-names.ts";
import {
  type BindingMethod,
  bindings,
  extensions,
  logoutChannels,
  namesFor,
  type PushName,
  partsOf,
  pushNameOf,
  pushOf,
  responseModes,
} from "./part-names.ts";

export const profileNames = ["openid", "oauth21", "fapi2", "mcp"] as const;
export type ProfileName = (typeof profileNames)[number];

export { signingAlgs as signingAlgNames } from "@valetkey/provider/op";

/** What a profile is, as far as a configuration looks into it. */
type Profile = Partial<ProviderOptions> & {
  readonly grants: readonly GrantType[];
  readonly clientAuth: readonly ClientAuthMethod[];
  readonly bindings: readonly BindingMethod[];
  readonly responseModes: readonly ResponseMode[];
  readonly logout: readonly LogoutChannel[];
  readonly push?: PushedRequests;
};

const profiles: Readonly<Record<ProfileName, () => Profile>> = { openid, oauth21, fapi2, mcp };

/** The settings a profile decides about unless they are written down. */
export interface Lists {
  readonly profile: ProfileName;
  readonly grants: readonly (GrantName | GrantType)[];
  readonly clientAuth: readonly (ClientAuthName | ClientAuthMethod)[];
  readonly bindings: readonly (string | BindingMethod)[];
  readonly responseModes: readonly (string | ResponseMode)[];
  readonly logout: readonly (string | LogoutChannel)[];
  readonly extensions: readonly (string | Extension)[];
  readonly push: PushName;
  readonly signingAlgs: readonly SigningAlg[];
}

/** The lists of a profile by name. A device that shows a code is for whoever has a page to enter it: this server does. */
export function usualLists(profile: ProfileName): Lists {
  const { grants, clientAuth, push, signingAlgs, ...rest } = profiles[profile]();
  const withDevice = profile === "openid" || profile === "oauth21";
  return {
    profile,
    grants: withDevice ? usualGrants : grants.map(({ grant_type }) => grant_type as GrantName),
    clientAuth: clientAuth.map(({ method }) => method as ClientAuthName),
    bindings: namesFor(bindings, rest.bindings),
    responseModes: namesFor(responseModes, rest.responseModes),
    logout: namesFor(logoutChannels, rest.logout),
    extensions: namesFor(extensions, rest.extensions ?? []),
    push: pushNameOf(push),
    signingAlgs: signingAlgs ?? ["RS256", "ES256", "EdDSA"],
  };
}

/** Makes the provider's options of the lists; whatever else the profile says comes with them. */
export function composed(lists: Lists, parts: GrantParts): Profile {
  const { push: _, ...profile } = profiles[lists.profile]();
  const push = pushOf(lists.push, profiles[lists.profile]().push);
  const own = (name: ClientAuthName | ClientAuthMethod) =>
    profile.clientAuth.find(({ method }) => method === name) ?? name;
  return {
    ...profile,
    grants: grantTypesOf(lists.grants, parts),
    clientAuth: clientAuthOf(lists.clientAuth.map(own)),
    bindings: partsOf(bindings, lists.bindings, profile.bindings),
    responseModes: partsOf(responseModes, lists.responseModes, profile.responseModes),
    logout: partsOf(logoutChannels, lists.logout, profile.logout),
    extensions: partsOf(extensions, lists.extensions, profile.extensions ?? []),
    ...(push === undefined ? {} : { push }),
  };
}
