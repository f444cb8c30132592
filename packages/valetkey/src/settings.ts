/**
 * From what was written in flags, environment and file to settings the server can run with.
 *
 * The one property: unsafe combinations are refused before anything is opened: http off loopback, an https issuer without a
 * secret of the operator's own, secrets that are no secrets. All mistakes are reported together.
 */
import { checkIssuer } from "@valetkey/protocol/metadata";
import { needsSecret } from "./client-auth-names.ts";
import { providerMistakes } from "./config-checks.ts";
import { type CheckedConfig, configSchema, gotOf, type Mistake, mistakesOf } from "./config-schema.ts";
import { oauth1Of, signsWithSecret } from "./oauth1-setting.ts";
import { profileNames, usualLists } from "./profile-setting.ts";

/** Complete and checked. `secret` is absent when one is to be made in the data folder (loopback only). */
export interface Settings extends CheckedConfig {}

/** The configuration cannot be used; `mistakes` lists all that is wrong. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly mistakes: readonly Mistake[];
  constructor(mistakes: readonly Mistake[]) {
    super(
      `The configuration cannot be used:\n${mistakes.map(({ key, what, why, fix }) => `- ${key} ${what}${why === undefined ? "" : `: ${why}`}${fix === undefined ? "" : ` (${fix})`}`).join("\n")}`,
    );
    this.mistakes = mistakes;
  }
}

/** A value and where it came from. */
export interface Sourced {
  readonly value: unknown;
  /** E.g. `--port`, `env PORT`, `valetkey.config.ts`, `default`. */
  readonly origin: string;
}

/** Fills in defaults and checks. `earlier`: mistakes found while reading, reported with the rest. Throws `ConfigError`. */
export function readSettings(
  given: ReadonlyMap<string, Sourced>,
  earlier: readonly Mistake[] = [],
): { settings: Settings; origins: ReadonlyMap<string, string> } {
  const all = withDefaults(given);
  const input = Object.fromEntries([...all].map(([key, { value }]) => [key, value]));
  const originOf = (key: string) => all.get(key)?.origin;
  const read = configSchema.safeParse(input);
  const mistakes = [...earlier, ...(read.success ? [] : mistakesOf(read.error, input, originOf))];
  // Cross-checks run on what is well-formed by itself, so that they are reported in the same go.
  mistakes.push(...crossChecks(read.success ? read.data : input, originOf));
  for (const mistake of providerMistakes(input)) {
    const origin = originOf(mistake.key.replace(/[[.].*/, ""));
    mistakes.push(origin === undefined ? mistake : { ...mistake, origin });
  }
  if (mistakes.length > 0 || !read.success) throw new ConfigError(mistakes);
  return { settings: read.data, origins: new Map([...all].map(([key, { origin }]) => [key, origin])) };
}

function withDefaults(given: ReadonlyMap<string, Sourced>): Map<string, Sourced> {
  const all = new Map<string, Sourced>();
  const set = (key: string, value: unknown) => {
    all.set(key, given.get(key) ?? { value, origin: "default" });
  };
  const issuer = given.get("issuer")?.value;
  // A development issuer names the port it is meant to be on.
  const named = typeof issuer === "string" && isLoopbackHttp(issuer) ? Number(new URL(issuer).port || 80) : undefined;
  set("port", named ?? 4000);
  set("issuer", `http://localhost:${String(all.get("port")?.value)}`);
  set("host", "127.0.0.1");
  set("database", "file:./data/valetkey.db");
  const profile = profileNames.find((name) => name === given.get("profile")?.value) ?? "openid";
  for (const [key, value] of Object.entries(usualLists(profile))) set(key, value);
  for (const [key, sourced] of given) all.set(key, sourced);
  return all;
}

function crossChecks(
  input: Partial<Record<string, unknown>>,
  originOf: (key: string) => string | undefined,
): Mistake[] {
  const mistakes: Mistake[] = [];
  const add = (key: string, what: string, fix: string, value?: unknown) => {
    const origin = originOf(key.replace(/[[.].*/, ""));
    mistakes.push({ key, ...(origin === undefined ? {} : { origin }), what, ...gotOf(key, value), fix });
  };
  const { issuer, host, secret } = input;
  // The default follows the port: a mistake there is one mistake.
  if (typeof issuer === "string" && originOf("issuer") !== "default") {
    try {
      checkIssuer(issuer, { allowLoopbackHttp: true });
      if (issuer.startsWith("https:") && secret === undefined) {
        add(
          "secret",
          "is needed for an https issuer",
          "VALETKEY_SECRET=$(npx valetkey secret), kept with your other secrets",
        );
      }
    } catch (error) {
      const what =
        error instanceof Error ? error.message.replace(/^the issuer /, "").replace(/, got .*$/s, "") : String(error);
      add("issuer", what, "VALETKEY_ISSUER=https://id.example.org", issuer);
    }
  }
  if (originOf("issuer") === "default" && typeof host === "string" && !onlyThisMachine(host)) {
    add("issuer", `is needed when the server listens on ${host}`, "VALETKEY_ISSUER=https://id.example.org");
  }
  for (const one of Array.isArray(secret) ? secret : [secret]) {
    if (typeof one === "string" && one.length >= 32 && new Set(one).size < 10) {
      add("secret", "is too simple to be a secret", "npx valetkey secret prints one");
    }
  }
  const { workers, database } = input;
  if (typeof workers === "number" && workers > 1 && typeof database === "string" && database.startsWith("file:"))
    add(
      "workers",
      "must be 1 with SQLite, whose writers keep one another waiting",
      "use PostgreSQL (VALETKEY_DATABASE_URL=postgres://…), or one worker",
      workers,
    );
  checkClients(Array.isArray(input.clients) ? input.clients : [], add, oauth1Of(input.oauth1 as never) !== undefined);
  checkCertificates(input, add);
  return mistakes;
}

/** This server does not end TLS itself: who authenticates by certificate comes through a proxy that passes it on. */
function checkCertificates(
  { clientAuth, trustedProxies }: Partial<Record<string, unknown>>,
  add: (key: string, what: string, fix: string) => void,
): void {
  const [methods, proxies] = [clientAuth, trustedProxies].map((list): unknown[] => (Array.isArray(list) ? list : []));
  const byCertificate = methods?.find((one) => one === "tls_client_auth" || one === "self_signed_tls_client_auth");
  if (byCertificate === undefined) return;
  const passing = (proxies ?? []).filter(
    (one) => typeof one === "object" && one !== null && "certificateHeader" in one,
  );
  const fix = '{ address: "10.0.0.0/8", certificateHeader: "client-cert", certificateVerified: true }';
  if (passing.length === 0)
    add("trustedProxies", `has no proxy that passes on certificates, which ${String(byCertificate)} needs`, fix);
  else if (byCertificate === "tls_client_auth" && !passing.some((one) => "certificateVerified" in (one as object)))
    add("trustedProxies", "has no proxy that verifies who signed a certificate, which tls_client_auth needs", fix);
}

function checkClients(
  clients: readonly unknown[],
  add: (key: string, what: string, fix: string, value?: unknown) => void,
  servesOAuth1: boolean,
): void {
  const seen = new Set<unknown>();
  for (const [at, client] of clients.entries()) {
    if (typeof client !== "object" || client === null) continue;
    const { client_id, client_secret, oauth1_signature_methods } = client as Record<string, unknown>;
    const signs = oauth1_signature_methods !== undefined;
    // RFC 5849: such a client needs no way to authenticate at the token endpoint, and has none unless it says so.
    const { token_endpoint_auth_method = signs ? "none" : undefined } = client as Record<string, unknown>;
    if (signs && !servesOAuth1)
      add(`clients[${at}].oauth1_signature_methods`, "is of use with OAuth 1.0a only", "add oauth1: true");
    if (client_id !== undefined && seen.has(client_id))
      add(`clients[${at}].client_id`, "is there twice", "give each client its own", client_id);
    seen.add(client_id);
    if (!needsSecret(token_endpoint_auth_method) && !signsWithSecret(oauth1_signature_methods)) {
      const whose = token_endpoint_auth_method === "none" ? "a public client" : "a client of this method";
      if (client_secret !== undefined) add(`clients[${at}].client_secret`, `is of no use to ${whose}`, "remove it");
    } else if (client_secret === undefined) {
      add(
        `clients[${at}].client_secret`,
        "is needed",
        'set it, or token_endpoint_auth_method: "none" for a public client',
      );
    }
  }
}

export function isLoopbackHttp(issuer: string): boolean {
  try {
    checkIssuer(issuer, { allowLoopbackHttp: true });
    return issuer.startsWith("http:");
  } catch {
    return false;
  }
}

/** Says whether only this machine can reach a server that listens on this host. */
export function onlyThisMachine(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}
