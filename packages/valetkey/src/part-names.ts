/**
 * Further parts of a provider by the names a configuration uses for them, beside those of `grant-names.ts` and
 * `client-auth-names.ts`: bindings, response modes, logout channels, pushed requests, extensions.
 *
 * RFC 9449, RFC 8705 §3, JARM §2.3, OpenID Connect Back-Channel and Front-Channel Logout 1.0, RFC 9126. The one property: a name has
 * one meaning; whoever wants another one puts a value into the list.
 */
import { certificateBound } from "@valetkey/provider/bindings/certificate";
import { dpop } from "@valetkey/provider/bindings/dpop";
import { grantManagement } from "@valetkey/provider/grant-management";
import { backchannelLogout, frontchannelLogout, type LogoutChannel } from "@valetkey/provider/logout/channels";
import type { ProviderOptions } from "@valetkey/provider/options";
import type { Extension } from "@valetkey/provider/part";
import { type PushedRequests, pushedRequests } from "@valetkey/provider/pushed-requests";
import { refreshExpiration } from "@valetkey/provider/refresh-expiration";
import { formPost } from "@valetkey/provider/response-modes/form-post";
import { jwtResponses } from "@valetkey/provider/response-modes/jwt";
import { fragment, query, type ResponseMode } from "@valetkey/provider/response-modes/response-mode";
import { signedMetadata } from "@valetkey/provider/signed-metadata";

export type BindingMethod = NonNullable<ProviderOptions["bindings"]>[number];

/** What is called something in a configuration. */
export interface Named<V> {
  readonly name: string;
  readonly make: () => readonly V[];
  /** Tells whether a value is what this name stands for. */
  readonly is: (value: V) => boolean;
}

export const bindings: readonly Named<BindingMethod>[] = [
  { name: "dpop", make: () => [dpop()], is: ({ binding }) => binding === "dpop" },
  { name: "certificate", make: () => [certificateBound()], is: ({ binding }) => binding === "tls" },
];

/** `jwt` stands for the four of JARM. */
export const responseModes: readonly Named<ResponseMode>[] = [
  ...[query, fragment, formPost].map((mode) => ({
    name: mode.response_mode,
    make: () => [mode],
    is: ({ response_mode }: ResponseMode) => response_mode === mode.response_mode,
  })),
  { name: "jwt", make: () => jwtResponses, is: ({ response_mode }) => response_mode.endsWith("jwt") },
];

export const logoutChannels: readonly Named<LogoutChannel>[] = [
  { name: "backchannel", make: () => [backchannelLogout], is: ({ channel }) => channel === "back" },
  { name: "frontchannel", make: () => [frontchannelLogout], is: ({ channel }) => channel === "front" },
];

/** The names of values that a profile has, in its order. */
export function namesFor<V>(all: readonly Named<V>[], values: readonly V[]): string[] {
  return [...new Set(values.flatMap((value) => all.find(({ is }) => is(value))?.name ?? []))];
}

/**
 * Makes values of names; what is a value already stays as it is. Where the profile has its own value of a name, that is the one that
 * is meant.
 */
export function partsOf<V extends object>(
  all: readonly Named<V>[],
  given: readonly (string | V)[],
  ofProfile: readonly V[],
): V[] {
  return given.flatMap((one) => {
    if (typeof one !== "string") return [one];
    const named = all.find(({ name }) => name === one);
    const own = ofProfile.filter((value) => named?.is(value));
    return own.length > 0 ? own : (named?.make() ?? []);
  });
}

export const extensions: readonly Named<Extension>[] = [
  ...[refreshExpiration, signedMetadata(), grantManagement()].map((value) => ({
    name: value.extension,
    make: () => [value],
    is: ({ extension }: Extension) => extension === value.extension,
  })),
];

export const pushNames = ["off", "allowed", "required"] as const;
export type PushName = (typeof pushNames)[number];

/** Makes the value; the profile's own where it says the same. */
export function pushOf(name: PushName, ofProfile: PushedRequests | undefined): PushedRequests | undefined {
  if (name === "off") return undefined;
  const required = name === "required";
  return ofProfile?.required === required ? ofProfile : pushedRequests({ required });
}

/** The name of what a profile has. */
export const pushNameOf = (push: PushedRequests | undefined): PushName =>
  push === undefined ? "off" : push.required ? "required" : "allowed";
