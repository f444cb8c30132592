/**
 * The shape of a configuration, and what is wrong with one, in words.
 *
 * The one property: everything wrong is reported, each mistake with what to do, and no value of a secret is in any of it.
 */
import { BlockList, isIP } from "node:net";
import type { PkcePolicy } from "@valetkey/provider/op";
import { z } from "zod";
import { readDatabaseUrl } from "./accounts/database.ts";
import { exampleFor } from "./config-examples.ts";
import { closest } from "./did-you-mean.ts";

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
  id_token_signed_response_alg: text("must be a text").optional(),
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

const levels = ["debug", "info", "warn", "error", "silent"] as const;
const log = z.strictObject({ level: z.enum(levels, { error: `must be one of ${levels.join(", ")}` }).default("info") });

const secret = z.string({ error: "must be a text" }).min(32, { error: "must have at least 32 characters" });
const port = "must be a whole number from 0 to 65535";

export const configSchema = z.strictObject({
  issuer: z.string({ error: "must be a URL" }),
  port: z.number({ error: port }).int({ error: port }).min(0, { error: port }).max(65_535, { error: port }),
  host: text("must be an address, like 127.0.0.1"),
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
  lifetimes: lifetimesSchema.default({}),
  pkce: z
    .custom<PkcePolicy>((value) => typeof value === "function", {
      error: "must be a policy of @valetkey/provider/pkce-policy",
    })
    .optional(),
  brand: brand.default({}),
  trustedProxies: z
    .array(
      z.string().refine((value) => readNetwork(new BlockList(), value), {
        error: "must be an address or a network like 10.0.0.0/8",
      }),
    )
    .default([]),
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
