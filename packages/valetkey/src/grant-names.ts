/**
 * The grant types a configuration can name: as in `grant_types` of a client.
 *
 * RFC 7591 §2, RFC 8628, OpenID CIBA Core 1.0. The one property: a grant type that takes a decision of its own (whom to trust) has no
 * name here and is put into the configuration as a value.
 */
import { authorizationCode } from "@valetkey/provider/grants/authorization-code";
import { ciba } from "@valetkey/provider/grants/ciba";
import { clientCredentials } from "@valetkey/provider/grants/client-credentials";
import { deviceCode } from "@valetkey/provider/grants/device-code";
import type { GrantType } from "@valetkey/provider/grants/grant-type";
import { refreshToken } from "@valetkey/provider/grants/refresh-token";
import type { Log } from "@valetkey/provider/op";
import type { Directory } from "./accounts/directory.ts";

export const grantNames = [
  "authorization_code",
  "refresh_token",
  "client_credentials",
  "urn:ietf:params:oauth:grant-type:device_code",
  "urn:openid:params:grant-type:ciba",
] as const;

export type GrantName = (typeof grantNames)[number];

/** Those a server has unless told otherwise: each is for clients only that register it. */
export const usualGrants: readonly GrantName[] = grantNames.slice(0, 4);

/** What grant types need of a running server. */
export interface GrantParts {
  readonly directory: Pick<Directory, "byEmail" | "find">;
  readonly log: Log;
}

const types: Readonly<Record<GrantName, (parts: GrantParts) => GrantType>> = {
  authorization_code: () => authorizationCode,
  refresh_token: () => refreshToken,
  client_credentials: () => clientCredentials,
  "urn:ietf:params:oauth:grant-type:device_code": () => deviceCode(),
  "urn:openid:params:grant-type:ciba": backchannel,
};

/** Makes values of names; what is a value already stays as it is. */
export function grantTypesOf(given: readonly (GrantName | GrantType)[], parts: GrantParts): GrantType[] {
  return given.map((one) => (typeof one === "string" ? types[one](parts) : one));
}

/** Tells whether something can be such a value. */
export function isGrantType(value: unknown): value is GrantType {
  if (typeof value !== "object" || value === null) return false;
  const { grant_type, redeem } = value as Partial<Record<keyof GrantType, unknown>>;
  return typeof grant_type === "string" && typeof redeem === "function";
}

/** People are meant by their e-mail address or their subject; they find what waits for them under `/approve`. */
function backchannel({ directory, log }: GrantParts): GrantType {
  return ciba({
    async resolve(login_hint) {
      const byEmail = await directory.byEmail(login_hint);
      return byEmail?.subject ?? (await directory.find(login_hint))?.sub;
    },
    notify({ subject, url, client }) {
      const { client_id } = client;
      log.info({ event: "approval.waits", subject, client_id, url }, "a request waits for somebody's approval");
    },
  });
}
