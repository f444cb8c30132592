/**
 * Reads `createProvider`'s options into the frozen `Op`, and reports every mistake in them at once.
 *
 * RFC 8414 §2 (issuer), RFC 8707 §2 (resources), OpenID Connect Core §5.4 (scopes and claims). Guarantees that a
 * provider which was created is complete: no later request can fail because of a mistake in the options.
 */
import { checkIssuer } from "@valetkey/protocol/metadata";
import { reservedClaims, standardClaims } from "./claims.ts";
import { none } from "./client-auth/none.ts";
import { secretBasic, secretPost } from "./client-auth/secret.ts";
import { defaultErrorPage } from "./error-page.ts";
import { signedInOrRegistered } from "./error-redirect-policy.ts";
import { authorizationCode } from "./grants/authorization-code.ts";
import { clientCredentials } from "./grants/client-credentials.ts";
import { refreshToken } from "./grants/refresh-token.ts";
import { silentLog } from "./log.ts";
import type { EndpointName, Lifetimes, Op, Pages } from "./op.ts";
import type { ProviderOptions } from "./options.ts";
import { pkceAlways } from "./pkce-policy.ts";
import { memoryThrottle } from "./throttle.ts";

/**
 * The options given to `createProvider` are not usable; `problems` lists all that is wrong. Secrets are never in it.
 */
export class InvalidOptions extends Error {
  override readonly name = "InvalidOptions";
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`the provider's options are not usable:\n${problems.map((problem) => `- ${problem}`).join("\n")}`);
    this.problems = problems;
  }
}

const known: Record<keyof ProviderOptions, true> = {
  issuer: true,
  store: true,
  keys: true,
  accounts: true,
  secret: true,
  scopes: true,
  claims: true,
  resources: true,
  grants: true,
  clientAuth: true,
  pkce: true,
  errorRedirects: true,
  registration: true,
  session: true,
  pages: true,
  errorPage: true,
  throttle: true,
  lifetimes: true,
  paths: true,
  now: true,
  log: true,
  fetch: true,
};

const standardScopes: Readonly<Record<string, string>> = {
  openid: "Confirm who you are",
  profile: "See your name and picture",
  email: "See your e-mail address",
  offline_access: "Stay connected while you are away",
};

const defaultLifetimes: Lifetimes = {
  code: 60,
  access: 900,
  id_token: 3600,
  refreshIdle: 14 * 86_400,
  refreshAbsolute: 90 * 86_400,
  refreshRetry: 20,
  interaction: 1800,
  sessionIdle: 7 * 86_400,
  sessionAbsolute: 30 * 86_400,
  sessionShort: 12 * 3600,
};

const defaultPaths: Readonly<Record<EndpointName, string>> = {
  authorize: "/authorize",
  token: "/token",
  userinfo: "/userinfo",
  revoke: "/revoke",
  introspect: "/introspect",
  register: "/register",
  end_session: "/end-session",
  jwks: "/jwks",
};

/** Reads the options. Throws `InvalidOptions`. */
export function readOptions(options: ProviderOptions): Op {
  const problems: string[] = [];
  for (const name of Object.keys(options)) if (!Object.hasOwn(known, name)) problems.push(`${name} is not an option`);
  checkIssuerOption(options.issuer, problems);
  for (const port of ["store", "keys", "accounts"] as const) {
    if (typeof options[port] !== "object" || options[port] === null) problems.push(`${port} is missing`);
  }
  const secrets = readSecrets(options.secret, problems);
  const resources = readResources(options, problems);
  const scopes = readScopes(options, problems);
  checkClaimsOption(options, problems);
  const lifetimes = readLifetimes(options, problems);
  const grants = readNamed(
    options.grants ?? [authorizationCode, refreshToken, clientCredentials],
    "grant_type",
    problems,
  );
  const clientAuth = options.clientAuth ?? [secretBasic, secretPost, none];
  readNamed(clientAuth, "method", problems);
  if (options.keys?.algs?.length === 0) problems.push("keys has no signature algorithm");
  const paths = readPaths(options, problems);
  // Everything below needs an issuer that can be parsed.
  if (problems.length > 0) throw new InvalidOptions(problems);

  const { issuer, now = Date.now } = options;
  const base = issuer.replace(/\/$/, "");
  return Object.freeze<Op>({
    issuer,
    store: options.store,
    keys: options.keys,
    accounts: options.accounts,
    secrets,
    scopes,
    claims: { ...standardClaims, ...options.claims },
    resources,
    grants,
    clientAuth,
    pkce: options.pkce ?? pkceAlways,
    errorRedirects: options.errorRedirects ?? signedInOrRegistered,
    registration: options.registration,
    session: options.session,
    pages: readPages(options, base),
    errorPage: options.errorPage ?? defaultErrorPage,
    throttle: options.throttle ?? memoryThrottle({ now }),
    lifetimes,
    urls: Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, base + path])) as Op["urls"],
    secureCookies: issuer.startsWith("https:"),
    now,
    log: options.log ?? silentLog,
    fetch: options.fetch ?? fetch,
  });
}

function checkIssuerOption(issuer: unknown, problems: string[]): void {
  try {
    checkIssuer(issuer, { allowLoopbackHttp: true });
  } catch (error) {
    problems.push((error as Error).message);
  }
}

function readSecrets(secret: unknown, problems: string[]): Op["secrets"] {
  const secrets: unknown[] = Array.isArray(secret) ? secret : [secret];
  const usable = secrets.filter((one): one is string => typeof one === "string" && one.length >= 32);
  if (usable.length === 0 || usable.length < secrets.length)
    problems.push("secret must have at least 32 characters, each of them");
  const [first = "", ...others] = usable;
  return Object.freeze([first, ...others] as const);
}

function readResources({ resources = [], issuer }: ProviderOptions, problems: string[]): Op["resources"] {
  const byName: Map<string, (typeof resources)[number]> = new Map();
  for (const one of resources) {
    const { resource, scopes, tokens } = one;
    // RFC 8707 §2: an absolute URI without fragment.
    if (typeof resource !== "string" || !URL.canParse(resource) || resource.includes("#")) {
      problems.push(`the resource ${String(resource)} must be an absolute URI without fragment`);
    }
    if (byName.has(resource)) problems.push(`the resource ${resource} is there twice`);
    if (resource === issuer)
      problems.push("the issuer itself cannot be a resource: its access tokens are for userinfo");
    if (tokens !== "opaque" && tokens !== "at+jwt") problems.push(`tokens of ${resource} must be "opaque" or "at+jwt"`);
    if (!Array.isArray(scopes) || !scopes.every(isScope)) problems.push(`scopes of ${resource} must be scope names`);
    byName.set(resource, one);
  }
  return byName;
}

function readScopes({ scopes = {} }: ProviderOptions, problems: string[]): Op["scopes"] {
  for (const scope of Object.keys(scopes)) if (!isScope(scope)) problems.push(`${scope} cannot be the name of a scope`);
  return Object.freeze({ ...standardScopes, ...scopes });
}

/** RFC 6749 §3.3: scope-token. */
const isScope = (scope: unknown): boolean => typeof scope === "string" && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope);

function checkClaimsOption({ claims = {} }: ProviderOptions, problems: string[]): void {
  for (const [scope, names] of Object.entries(claims)) {
    for (const name of names) {
      if (reservedClaims.has(name))
        problems.push(`the scope ${scope} cannot release the claim ${name}: the protocol sets it`);
    }
  }
}

function readLifetimes({ lifetimes = {}, keys }: ProviderOptions, problems: string[]): Lifetimes {
  for (const [name, seconds] of Object.entries(lifetimes)) {
    if (!Object.hasOwn(defaultLifetimes, name)) problems.push(`lifetimes.${name} is not a lifetime`);
    const least = name === "refreshRetry" ? 0 : 1;
    if (!Number.isSafeInteger(seconds) || seconds < least)
      problems.push(`lifetimes.${name} must be whole seconds, at least ${least}`);
  }
  const all = { ...defaultLifetimes, ...lifetimes };
  // RFC 6749 §4.1.2 recommends at most ten minutes.
  if (all.code > 600) problems.push("lifetimes.code must not be more than 600 seconds");
  if (all.refreshRetry > 60) problems.push("lifetimes.refreshRetry must not be more than 60 seconds");
  const keepFor = keys?.keepFor;
  for (const name of ["access", "id_token"] as const) {
    if (keepFor !== undefined && all[name] > keepFor) {
      problems.push(
        `lifetimes.${name} is longer than keys stay published after a rotation (keepFor: ${keepFor} seconds)`,
      );
    }
  }
  return Object.freeze(all);
}

function readNamed<T, N extends keyof T & string>(
  values: readonly T[],
  name: N,
  problems: string[],
): ReadonlyMap<string, T> {
  const byName = new Map<string, T>();
  for (const value of values) {
    const key = String(value[name]);
    if (byName.has(key)) problems.push(`${name} ${key} is there twice`);
    byName.set(key, value);
  }
  return byName;
}

function readPaths({ paths = {} }: ProviderOptions, problems: string[]): Readonly<Record<EndpointName, string>> {
  for (const [name, path] of Object.entries(paths)) {
    if (!Object.hasOwn(defaultPaths, name)) problems.push(`paths.${name} is not an endpoint`);
    if (!/^(\/[\w.~-]+)+$/.test(path)) problems.push(`paths.${name} must be a path like /oauth/authorize, got ${path}`);
  }
  const all = { ...defaultPaths, ...paths };
  if (new Set(Object.values(all)).size < Object.keys(all).length) problems.push("two endpoints have the same path");
  return all;
}

/** Our own pages are under the issuer; a path that is given is one of the application's, under its origin. */
function readPages({ pages = {}, issuer }: ProviderOptions, base: string): Pages {
  const page = (given: string | undefined, path: string) =>
    given === undefined ? base + path : new URL(given, issuer).href;
  return Object.freeze({
    login: page(pages.login, "/login"),
    select_account: page(pages.select_account, "/select-account"),
    consent: page(pages.consent, "/consent"),
    logout: page(pages.logout, "/logout"),
  });
}
