/**
 * The shape of a configuration, and what is wrong with one, in words.
 *
 * The one property: everything wrong is reported, each mistake with what to do, and no value of a secret is in any of it.
 */
import { BlockList, isIP } from "node:net";
import type { JwkSet } from "@valetkey/protocol/jwk";
import type { ClientAuthMethod } from "@valetkey/provider/client-auth/method";
import type { GrantType } from "@valetkey/provider/grants/grant-type";
import type { LogoutChannel } from "@valetkey/provider/logout/channels";
import type { OAuth1 } from "@valetkey/provider/oauth1";
import type { PkcePolicy } from "@valetkey/provider/op";
import type { Extension } from "@valetkey/provider/part";
import type { ResponseMode } from "@valetkey/provider/response-modes/response-mode";
import { z } from "zod";
import { readDatabaseUrl } from "./accounts/database.ts";
import { clientAuthNames, isClientAuthMethod } from "./client-auth-names.ts";
import { exampleFor } from "./config-examples.ts";
import { closest } from "./did-you-mean.ts";
import { grantNames, isGrantType } from "./grant-names.ts";
import { isOAuth1 } from "./oauth1-setting.ts";
import { outboundSettings } from "./outbound-setting.ts";
import {
  type BindingMethod,
  bindings,
  extensions,
  logoutChannels,
  type Named,
  pushNames,
  responseModes,
} from "./part-names.ts";
import { profileNames, signingAlgNames } from "./profile-setting.ts";

/** One thing to put right. */
export interface Mistake {
  /** Where it is, e.g. `clients[0].redirect_uris`. */
  readonly key: string;
  /** Where the value came from, e.g. `env PORT`. */
  readonly origin?: string;
  readonly what: string;
  /** As written; absent for secrets. */
  readonly got?: string;
  /** Why it is so, where somebody else said it: the words of Node, of the file system. */
  readonly why?: string;
  /** What to write instead, or an example; absent where the rest says it. */
  readonly fix?: string;
}

const text = (what: string) => z.string({ error: what }).min(1, { error: what });
const url = z.string({ error: "must be a URL" }).refine((value) => URL.canParse(value), { error: "must be a URL" });
const yesOrNo = z.boolean({ error: "must be true or false" });
const texts = z.array(text("must be a list of texts"), { error: "must be a list of texts" });

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };
const durationWords = { error: 'must be whole seconds, or a number and s, m, h or d in quotes, like "15m"' };
const duration = z
  .union(
    [z.number().int(durationWords).nonnegative(durationWords), z.string().regex(/^\d{1,9} ?[smhd]$/, durationWords)],
    durationWords,
  )
  .transform((value) =>
    typeof value === "number" ? value : Number.parseInt(value, 10) * (units[value.slice(-1)] ?? 1),
  );

export const clientSchema = z.strictObject({
  client_id: z
    .string({ error: "is needed" })
    .regex(/^[\x21-\x7e]{1,256}$/, { error: "must be 1 to 256 printable ASCII characters" }),
  client_secret: z
    .string()
    .regex(/^[\x20-\x7e]{32,512}$/, { error: "must be 32 to 512 printable ASCII characters" })
    .optional(),
  client_name: text("must be a text").optional(),
  client_uri: url.optional(),
  logo_uri: url.optional(),
  tos_uri: url.optional(),
  policy_uri: url.optional(),
  contacts: texts.optional(),
  redirect_uris: texts.optional(),
  post_logout_redirect_uris: texts.optional(),
  grant_types: texts.optional(),
  response_types: texts.optional(),
  application_type: z.enum(["web", "native"], { error: 'must be "web" or "native"' }).optional(),
  scope: text("must be scopes with blanks between them").optional(),
  token_endpoint_auth_method: text("must be a text").optional(),
  token_endpoint_auth_signing_alg: text("must be a text").optional(),
  jwks: z
    .custom<JwkSet>((value) => typeof value === "object" && value !== null, { error: "must be a JWK Set" })
    .optional(),
  jwks_uri: url.optional(),
  tls_client_auth_subject_dn: text("must be a text").optional(),
  tls_client_auth_san_dns: text("must be a text").optional(),
  tls_client_auth_san_uri: text("must be a text").optional(),
  tls_client_auth_san_ip: text("must be a text").optional(),
  tls_client_auth_san_email: text("must be a text").optional(),
  federatedIdentity: z.strictObject({ issuer: text("must be a text"), subject: text("must be a text") }).optional(),
  id_token_signed_response_alg: text("must be a text").optional(),
  id_token_encrypted_response_alg: text("must be a text").optional(),
  id_token_encrypted_response_enc: text("must be a text").optional(),
  userinfo_signed_response_alg: text("must be a text").optional(),
  userinfo_encrypted_response_alg: text("must be a text").optional(),
  userinfo_encrypted_response_enc: text("must be a text").optional(),
  request_object_signing_alg: text("must be a text").optional(),
  require_signed_request_object: yesOrNo.optional(),
  require_pushed_authorization_requests: yesOrNo.optional(),
  dpop_bound_access_tokens: yesOrNo.optional(),
  tls_client_certificate_bound_access_tokens: yesOrNo.optional(),
  backchannel_logout_uri: url.optional(),
  backchannel_logout_session_required: yesOrNo.optional(),
  frontchannel_logout_uri: url.optional(),
  frontchannel_logout_session_required: yesOrNo.optional(),
  default_max_age: z.number({ error: "must be whole seconds" }).int({ error: "must be whole seconds" }).optional(),
  default_acr_values: texts.optional(),
  backchannel_token_delivery_mode: text("must be a text").optional(),
  backchannel_client_notification_endpoint: url.optional(),
  backchannel_authentication_request_signing_alg: text("must be a text").optional(),
  oauth1_signature_methods: texts.optional(),
  introspects: texts.optional(),
  firstParty: z.boolean({ error: "must be true or false" }).optional(),
});

export const resourceSchema = z.strictObject({
  resource: url,
  scopes: texts,
  tokens: z.enum(["opaque", "at+jwt"], { error: 'must be "opaque" or "at+jwt"' }).default("opaque"),
});

export const lifetimesSchema = z.strictObject({
  code: duration.optional(),
  access: duration.optional(),
  id_token: duration.optional(),
  refreshIdle: duration.optional(),
  refreshAbsolute: duration.optional(),
  refreshRetry: duration.optional(),
  interaction: duration.optional(),
  sessionIdle: duration.optional(),
  sessionAbsolute: duration.optional(),
  sessionShort: duration.optional(),
});

const brand = z.strictObject({
  name: text("must be a text").max(80, { error: "must be at most 80 characters" }).optional(),
  accent: z
    .string()
    .regex(/^#[0-9a-f]{6}$/i, { error: "must be a colour like #0b57d0" })
    .optional(),
});

const networkWords = { error: "must be an address or a network like 10.0.0.0/8" };
const network = z.string(networkWords).refine((value) => readNetwork(new BlockList(), value), networkWords);
const headerWords = { error: "must be the name of a header" };
const header = z.string(headerWords).regex(/^[\w-]+$/, headerWords);
const proxyWords = {
  error:
    "must be an address or a network like 10.0.0.0/8, or an object with such an address, a certificateHeader and certificateVerified",
};
const proxy = z.union(
  [
    network,
    z.strictObject({
      address: network,
      certificateHeader: header.optional(),
      certificateVerified: z
        .union([z.literal(true), header], { error: "must be true or the name of a header" })
        .optional(),
    }),
  ],
  proxyWords,
);

const methodWords = {
  error: `must be among ${clientAuthNames.join(", ")}, or a value of @valetkey/provider/client-auth`,
};
const method = z.union([z.enum(clientAuthNames), z.custom<ClientAuthMethod>(isClientAuthMethod)], methodWords);

const grantWords = { error: `must be among ${grantNames.join(", ")}, or a value of @valetkey/provider/grants` };
const grant = z.union([z.enum(grantNames), z.custom<GrantType>(isGrantType)], grantWords);

const levels = ["debug", "info", "warn", "error", "silent"] as const;
const log = z.strictObject({ level: z.enum(levels, { error: `must be one of ${levels.join(", ")}` }).default("info") });

const secret = z.string({ error: "must be a text" }).min(32, { error: "must have at least 32 characters" });
const port = "must be a whole number from 0 to 65535";
const workers = { error: 'must be a whole number from 1 to 256, or "auto"' };

/** A list of names, or of values for whoever wants something else than a name stands for. */
function listOf<V>(all: readonly Named<V>[], is: (value: unknown) => value is V, folder: string) {
  const names = all.map(({ name }) => name);
  const error = `must be among ${names.join(", ")}, or a value of @valetkey/provider/${folder}`;
  return z.array(z.union([z.enum(names), z.custom<V>(is)], { error }), { error: "must be a list" });
}

const isPart =
  <V>(name: string, method: string) =>
  (value: unknown): value is V =>
    typeof value === "object" &&
    value !== null &&
    typeof (value as Record<string, unknown>)[name] === "string" &&
    (method === "" || typeof (value as Record<string, unknown>)[method] === "function");
const isBinding = isPart<BindingMethod>("binding", "checkPresented");
const isResponseMode = isPart<ResponseMode>("response_mode", "send");
const isLogoutChannel = isPart<LogoutChannel>("channel", "");
const isExtension = isPart<Extension>("extension", "");

export const configSchema = z.strictObject({
  profile: z.enum(profileNames, { error: `must be one of ${profileNames.join(", ")}` }),
  issuer: z.string({ error: "must be a URL" }),
  port: z.number({ error: port }).int({ error: port }).min(0, { error: port }).max(65_535, { error: port }),
  host: text("must be an address, like 127.0.0.1"),
  workers: z
    .union([z.literal("auto"), z.number(workers).int(workers).min(1, workers).max(256, workers)], workers)
    .default(1),
  database: z.string({ error: "must be a text" }).refine((value) => readDatabaseUrl(value) !== undefined, {
    error: "must be file:<path> or postgres://user:password@host/name",
  }),
  secret: z
    .union([secret, z.array(secret).min(1)])
    .transform((value) => (typeof value === "string" ? [value] : value))
    .optional(),
  clients: z.array(clientSchema, { error: "must be a list of clients" }).default([]),
  resources: z.array(resourceSchema, { error: "must be a list of resources" }).default([]),
  scopes: z
    .record(z.string(), text("must be words for the consent page"), { error: "must map scopes to words" })
    .default({}),
  registration: z.enum(["off", "open", "token"], { error: 'must be "off", "open" or "token"' }).default("off"),
  ...outboundSettings,
  lifetimes: lifetimesSchema.default({}),
  pkce: z
    .custom<PkcePolicy>((value) => typeof value === "function", {
      error: "must be a policy of @valetkey/provider/pkce-policy",
    })
    .optional(),
  brand: brand.default({}),
  grants: z.array(grant, { error: "must be a list of grant types" }).min(1, { error: "must have a grant type in it" }),
  oauth1: z
    .union([z.boolean(), z.custom<OAuth1>(isOAuth1)], {
      error: "must be true, or a value of @valetkey/provider/oauth1",
    })
    .optional(),
  clientAuth: z.array(method, { error: "must be a list of methods" }).min(1, { error: "must have a method in it" }),
  bindings: listOf(bindings, isBinding, "bindings"),
  responseModes: listOf(responseModes, isResponseMode, "response-modes").min(1, { error: "must have a mode in it" }),
  logout: listOf(logoutChannels, isLogoutChannel, "logout"),
  extensions: listOf(extensions, isExtension, "part"),
  push: z.enum(pushNames, { error: `must be one of ${pushNames.join(", ")}` }),
  signingAlgs: z
    .array(z.enum(signingAlgNames, { error: `must be among ${signingAlgNames.join(", ")}` }), {
      error: "must be a list of signature algorithms",
    })
    .min(1, { error: "must have an algorithm in it" }),
  acrs: texts.default([]),
  trustedProxies: z.array(proxy).default([]),
  log: log.default({ level: "info" }),
  helpUrl: url
    .refine((value) => /^(https?|mailto):/.test(value), { error: "must be an http, https or mailto URL" })
    .optional(),
});

export type CheckedConfig = z.output<typeof configSchema>;

/** Adds an address or network to a list; false if it is neither. */
export function readNetwork(list: BlockList, network: string): boolean {
  const [address = "", bits, ...rest] = network.split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits))) return false;
  const width = family === 4 ? 32 : 128;
  const length = bits === undefined ? width : Number(bits);
  if (length > width) return false;
  list.addSubnet(address, length, family === 4 ? "ipv4" : "ipv6");
  return true;
}

const keysAt: readonly [RegExp, readonly string[]][] = [
  [/^$/, Object.keys(configSchema.shape)],
  [/^clients\[\d+\]$/, Object.keys(clientSchema.shape)],
  [/^resources\[\d+\]$/, Object.keys(resourceSchema.shape)],
  [/^lifetimes$/, Object.keys(lifetimesSchema.shape)],
  [/^brand$/, Object.keys(brand.shape)],
  [/^log$/, Object.keys(log.shape)],
];

/** Names other programs use for ours. */
const otherNames: Readonly<Record<string, string>> = {
  id: "client_id",
  name: "client_name",
  secret: "client_secret",
  redirectUris: "redirect_uris",
  redirectUri: "redirect_uris",
  redirect_uri: "redirect_uris",
  url: "issuer",
  trustProxy: "trustedProxies",
};

/** Puts what zod found into words. `originOf` tells where a top-level key came from. */
export function mistakesOf(
  error: z.ZodError,
  input: unknown,
  originOf: (key: string) => string | undefined,
): Mistake[] {
  return error.issues.flatMap((issue): Mistake[] => {
    const key = issue.path.reduce<string>(
      (path, part) =>
        typeof part === "number" ? `${path}[${part}]` : path === "" ? String(part) : `${path}.${String(part)}`,
      "",
    );
    const origin = originOf(String(issue.path[0] ?? (issue.code === "unrecognized_keys" ? issue.keys[0] : "")));
    const from = origin === undefined ? {} : { origin };
    if (issue.code === "unrecognized_keys") {
      const known = keysAt.find(([at]) => at.test(key))?.[1] ?? [];
      return issue.keys.map((name) => {
        const other = otherNames[name];
        const meant = closest(name, known) ?? (other !== undefined && known.includes(other) ? other : undefined);
        const full = key === "" ? name : `${key}.${name}`;
        const fix = meant === undefined ? `remove it; known here: ${known.join(", ")}` : `did you mean ${meant}?`;
        return { key: full, ...from, what: "is not a setting", fix };
      });
    }
    if (issue.code === "invalid_union") {
      const inner = issue.errors.flat().find((one) => one.message.startsWith("must have"));
      if (inner) return [{ key, ...from, what: inner.message, ...exampleFor(key, origin) }];
    }
    const value = issue.path.reduce<unknown>(
      (at, part) => (at as Record<PropertyKey, unknown> | undefined)?.[part],
      input,
    );
    return [{ key, ...from, what: wordsOf(issue), ...gotOf(key, value), ...exampleFor(key, origin) }];
  });
}

/** Shows a value unless it is, or may hold, a secret. */
export function gotOf(key: string, value: unknown): { got?: string } {
  if (/secret|database/i.test(key) || value === undefined) return {};
  return { got: JSON.stringify(value)?.slice(0, 100) ?? String(value) };
}

/** What zod says by itself only of a value of a wrong type, in words like ours. */
function wordsOf(issue: z.core.$ZodIssue): string {
  if (issue.code !== "invalid_type" || !issue.message.startsWith("Invalid input")) return issue.message;
  return issue.expected === "string"
    ? "must be a text"
    : `must be ${/^[aeiou]/.test(issue.expected) ? "an" : "a"} ${issue.expected}`;
}
