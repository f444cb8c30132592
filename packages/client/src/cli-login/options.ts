/**
 * What `login` takes, and what becomes of it.
 *
 * RFC 8252 §7.3 and §8.5, XDG Base Directory Specification.
 * Guarantees that a mistake in the options is found before anybody is asked to sign in.
 */
import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import process from "node:process";
import { checkIssuer, type ServerMetadata } from "@valetkey/protocol/metadata";
import type { Fetch } from "@valetkey/protocol/read-json";
import { ClientError } from "../client-error.ts";
import { checkPrefixes } from "../lib/check-provider.ts";
import { type Duration, readDuration } from "../lib/duration.ts";
import { createIssuer } from "../lib/issuer.ts";
import { isLoopback } from "../lib/secure-url.ts";
import { canOpenBrowser, openBrowser } from "./open-browser.ts";
import type { Terminal } from "./terminal.ts";

/** Where the program talks to the person. A real terminal (`isTTY`) also gets a QR code. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface LoginOptions {
  /** The OpenID Connect issuer, exactly as it calls itself. */
  readonly issuer: string;
  /** A client registered there as public and native, with the redirect URI `http://127.0.0.1/callback`. */
  readonly clientId: string;
  /** For issuers that give one to programs too. It is no secret there (RFC 8252 §8.5). */
  readonly clientSecret?: string;
  /** Names separated by blanks; must contain `openid`. Default `openid profile email offline_access`. */
  readonly scope?: string;
  /** APIs that `fetch` may send tokens to, each with a token of its own (RFC 8707). */
  readonly resource?: string | readonly string[];
  /** Where relative URLs lie, and what else may have the token of the sign-in itself. */
  readonly api?: string;
  /** `device`: show a code, open nothing (what `--no-browser` means). Default: whatever can be done here. */
  readonly via?: "browser" | "device";
  /** Asks the person in any case, and asks the issuer for this: `login`, `select_account`, `consent`. */
  readonly prompt?: string;
  /** As registered, on loopback. Its port is used if it has one; otherwise a free one. Default `http://127.0.0.1/callback`. */
  readonly redirectUri?: string;
  /** How long to wait for the browser to come back; default `"5m"`. */
  readonly timeout?: Duration;
  /** Ends the waiting: the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Further parameters of the authorization request. They never replace ours. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** What the issuer's discovery document lacks or gets wrong, set over it. */
  readonly metadata?: Partial<Omit<ServerMetadata, "issuer">>;
  /** Opens an address in a browser; `false` if that did not work. Default: `BROWSER`, else what the system has for it. */
  readonly open?: (url: string) => boolean | Promise<boolean>;
  /** Default standard error. */
  readonly output?: Output;
  /** Folder of the token files. Default `valetkey` in `XDG_CONFIG_HOME` (else `~/.config`), on Windows in `APPDATA`. */
  readonly dir?: string;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  readonly fetch?: Fetch;
  /** Waits so many milliseconds between two polls. */
  readonly wait?: (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>;
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** Reads the options. Every mistake is `configuration_invalid`. */
export function readOptions(options: LoginOptions): Terminal {
  const { issuer, clientId, clientSecret, now = Date.now, fetch = globalThis.fetch, output = process.stderr } = options;
  try {
    checkIssuer(issuer, { allowLoopbackHttp: true });
  } catch (cause) {
    throw invalid(cause instanceof Error ? cause.message : String(cause));
  }
  if (typeof clientId !== "string" || clientId === "") throw invalid("clientId is missing");
  const { scope = "openid profile email offline_access", api, metadata: overrides, via, signal, wait } = options;
  if (!scope.split(" ").includes("openid")) throw invalid(`scope must contain openid, got "${scope}"`);
  const resource = [options.resource ?? []].flat();
  checkPrefixes("resource", resource, invalid);
  checkPrefixes("api", api === undefined ? [] : [api], invalid);
  const { open } = options;
  return {
    issuer,
    client:
      clientSecret === undefined
        ? { client_id: clientId, token_endpoint_auth_method: "none" }
        : { client_id: clientId, client_secret: clientSecret, token_endpoint_auth_method: "client_secret_post" },
    scope,
    optionalScope: options.scope === undefined ? ["offline_access"] : [],
    resource,
    api,
    redirectUri: readRedirectUri(options.redirectUri ?? "http://127.0.0.1/callback"),
    timeout: readDuration("timeout", options.timeout ?? "5m"),
    parameters: options.parameters ?? {},
    prompt: options.prompt,
    via,
    signal,
    wait,
    open: open === undefined ? (url) => openBrowser(url, process.env, process.platform) : async (url) => open(url),
    canOpen: open !== undefined || canOpenBrowser(process.env, process.platform),
    output,
    // What comes from outside must not move the cursor or colour the screen.
    say: (text) => void output.write(text.replace(/(?!\n)\p{C}/gu, " ")),
    file: join(options.dir === undefined ? defaultFolder() : resolve(options.dir), fileName(issuer, clientId)),
    issuerOf: createIssuer(issuer, { fetch, now, log: silent, overrides }),
    now,
    fetch,
  };
}

function readRedirectUri(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const good = url !== undefined && url.protocol === "http:" && isLoopback(url) && url.search === "" && url.hash === "";
  if (good) return url;
  throw invalid(`redirectUri must be http on 127.0.0.1, [::1] or localhost, got ${text.slice(0, 200)}`);
}

function defaultFolder(): string {
  const { XDG_CONFIG_HOME: xdg = "", APPDATA: appData = "" } = process.env;
  if (process.platform === "win32" && isAbsolute(appData)) return join(appData, "valetkey");
  // The specification wants relative paths to be ignored.
  return join(isAbsolute(xdg) ? xdg : join(homedir(), ".config"), "valetkey");
}

/** One file per issuer and client, whatever characters their names have. */
const fileName = (issuer: string, client_id: string): string =>
  `${createHash("sha256")
    .update(JSON.stringify([issuer, client_id]))
    .digest("hex")
    .slice(0, 32)}.json`;

const invalid = (message: string): ClientError => new ClientError("configuration_invalid", `login: ${message}`);
