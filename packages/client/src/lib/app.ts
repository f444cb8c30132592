/**
 * App: what every part of the client is given as its first parameter: the options of `createOAuth`, read and frozen.
 *
 * Rule 6 of the house: the application's own address is configuration, never a Host header,
 * except on loopback. Guarantees that whatever is missing is named, with the variable that would supply it.
 */
import { type Bytes, hkdf } from "@valetkey/protocol/digest";
import { randomToken } from "@valetkey/protocol/random";
import type { Fetch } from "@valetkey/protocol/read-json";
import type { Store } from "@valetkey/store";
import { memoryStore } from "@valetkey/store/memory";
import { ClientError } from "../client-error.ts";
import type { OAuthOptions, SignInHook } from "../create-oauth.ts";
import type { Linking } from "../linking.ts";
import { consoleLog, type Log } from "../log.ts";
import type { Pages } from "../pages.ts";
import { readDuration } from "./duration.ts";
import { environment } from "./environment.ts";
import { shown } from "./refusal.ts";
import { type Remote, readRemotes } from "./remote.ts";
import { isLoopback, readSecureUrl } from "./secure-url.ts";
import { checkLinking } from "./verified-email.ts";

/** Keys derived from the secrets: the first of each list seals, all open. */
export interface SealingKeys {
  readonly transaction: readonly Bytes[];
  readonly tokens: readonly Bytes[];
}

/** A refresh under way for one account. */
export interface Flight {
  readonly resource: string;
  readonly token: Promise<string>;
}

export interface App {
  readonly remotes: ReadonlyMap<string, Remote>;
  readonly store: Store;
  readonly keys: () => Promise<SealingKeys>;
  /** Origin of the application; absent: that of the request, if it is loopback. */
  readonly baseUrl: string | undefined;
  readonly path: string;
  readonly now: () => number;
  readonly fetch: Fetch;
  readonly log: Log;
  readonly onSignIn: SignInHook | undefined;
  readonly linking: Linking;
  readonly pages: Pages;
  /** Milliseconds. */
  readonly sessionLifetime: number;
  /** Seconds. */
  readonly clockTolerance: number;
  /** Refreshes under way in this process, by id of the vault entry. */
  readonly flights: Map<string, Flight>;
  /** What was said in the log and is said once. */
  readonly told: Set<string>;
}

const minSecret = 32;

/** Reads the options. Every mistake is `configuration_invalid`. */
export function readOptions(options: OAuthOptions): App {
  const log = options.log ?? consoleLog;
  if (["debug", "info", "warn", "error"].some((level) => typeof Reflect.get(Object(log), level) !== "function"))
    throw invalid("log must be an object with the functions debug, info, warn and error, as pino and console are");
  const baseUrl =
    options.baseUrl === undefined
      ? readBaseUrl(environment("VALETKEY_BASE_URL"), "VALETKEY_BASE_URL")
      : readBaseUrl(options.baseUrl, "baseUrl");
  const local = baseUrl === undefined || baseUrl.startsWith("http:");
  const { path = "/auth", now = Date.now, fetch = globalThis.fetch, clockTolerance = 30 } = options;
  const sessionLifetime = readDuration("sessionLifetime", options.sessionLifetime ?? "7d");
  if (!/^(\/[A-Za-z0-9._~-]+)+$/.test(path)) throw invalid(`path must be like /auth, got ${path}`);
  if (!(clockTolerance >= 0 && clockTolerance <= 60)) throw invalid("clockTolerance must be 0 to 60 seconds");
  if (!(sessionLifetime > 0)) throw invalid("sessionLifetime must be longer than nothing");
  const remotes = readRemotes(options.providers, { fetch, now, log });
  return Object.freeze({
    remotes,
    store: options.store ?? defaultStore(local, now, log),
    keys: deriveKeys(readSecrets(options.secret, local, log)),
    baseUrl,
    path,
    now,
    fetch,
    log,
    onSignIn: options.onSignIn,
    linking: checkLinking(options.linking ?? "signed-in", remotes),
    pages: options.pages ?? {},
    sessionLifetime: sessionLifetime * 1000,
    clockTolerance,
    flights: new Map<string, Flight>(),
    told: new Set<string>(),
  });
}

/** Tells the origin the application is reached at; off loopback it must have been configured (`base_url_missing`). */
export function originOf(app: App, request: Request): string {
  if (app.baseUrl !== undefined) return app.baseUrl;
  const url = new URL(request.url);
  if (isLoopback(url)) return url.origin;
  throw new ClientError("base_url_missing", `the request came for ${url.host}, and there is no baseUrl`, {
    fix: `Pass baseUrl: "https://${url.host}" (the address people see) to createOAuth, or set VALETKEY_BASE_URL.`,
  });
}

/** Finds a provider by name, or says there is none (`unknown_provider`). */
export function remoteOf(app: App, name: string): Remote {
  const remote = app.remotes.get(name);
  if (remote !== undefined) return remote;
  const names = [...app.remotes.keys()];
  const meant = names.find((one) => one === name.toLowerCase());
  throw new ClientError(
    "unknown_provider",
    `there is no provider ${shown(name).slice(0, 64)}, only ${names.join(", ")}`,
    {
      fix: meant === undefined ? undefined : `Names are lower-case: write ${app.path}/login/${meant}.`,
    },
  );
}

const invalid = (message: string): ClientError => new ClientError("configuration_invalid", message);

function readBaseUrl(text: string | URL | undefined, name: string): string | undefined {
  if (text === undefined) return undefined;
  const url = readSecureUrl(String(text), true);
  if (url !== undefined && url.pathname === "/" && url.search === "" && url.hash === "") return url.origin;
  throw invalid(
    `${name} must be an https origin like https://app.example (http on loopback), got ${text}: ${baseUrlFix(String(text), url)}`,
  );
}

function baseUrlFix(text: string, url: URL | undefined): string {
  if (url !== undefined) {
    const path = url.pathname.replace(/\/$/, "");
    return `write ${url.origin}${path === "" ? "" : `; if the routes are under ${path}, also path: "${path}/auth"`}`;
  }
  if (/^http:/.test(text)) {
    return `write https; behind a proxy that ends TLS it is the address people see, ${text.replace(/^http:/, "https:")}`;
  }
  return /^https:/.test(text)
    ? "leave user information and odd characters out"
    : `write it with the scheme, https://${text}`;
}

function defaultStore(local: boolean, now: () => number, log: Log): Store {
  if (!local) {
    throw invalid("store is missing: pass one, e.g. await sqliteStore({ file: ... }) from @valetkey/store/sqlite");
  }
  log.warn(
    { event: "store.memory" },
    "no store was given: who is signed in is forgotten when this process ends, and other processes do not know it",
  );
  return memoryStore({ now });
}

function readSecrets(option: OAuthOptions["secret"], local: boolean, log: Log): readonly string[] {
  // A comma separates former secrets: the first seals, all open.
  const given = option ?? environment("VALETKEY_SECRET")?.split(",");
  const secrets = typeof given === "string" ? [given] : (given ?? []);
  if (secrets.length === 0) {
    if (!local) throw invalid("secret is missing: pass it or set VALETKEY_SECRET to at least 32 random characters");
    log.warn(
      { event: "secret.generated" },
      "no secret was given: one was made for this process, and stored tokens cannot be read after it ends",
    );
    return [randomToken(32)];
  }
  const short = secrets.findIndex((secret) => secret.length < minSecret);
  if (short !== -1) {
    const which = secrets.length === 1 ? "it has" : `number ${short + 1} of ${secrets.length} has`;
    throw invalid(
      `each secret must have at least ${minSecret} characters, and ${which} ${secrets[short]?.length}: make one with openssl rand -base64 32`,
    );
  }
  return secrets;
}

/** Derives once, on first use: one key per purpose, so that a sealed cookie never opens as sealed tokens. */
function deriveKeys(secrets: readonly string[]): () => Promise<SealingKeys> {
  let derived: Promise<SealingKeys> | undefined;
  const derive = (purpose: string) => Promise.all(secrets.map((secret) => hkdf(secret, purpose, 32)));
  return () => {
    derived ??= Promise.all([derive("valetkey client transaction"), derive("valetkey client tokens")]).then(
      ([transaction, tokens]) => ({ transaction, tokens }),
    );
    return derived;
  };
}
