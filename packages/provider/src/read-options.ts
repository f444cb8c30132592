/**
 * Reads `createProvider`'s options into the frozen `Op`, and reports every mistake in them at once.
 *
 * RFC 8414 §2 (issuer), RFC 8707 §2 (resources), OpenID Connect Core §5.4 (scopes and claims). Guarantees that a
 * provider which was created is complete: no later request can fail because of a mistake in the options.
 */
import { checkIssuer } from "@valetkey/protocol/metadata";
import type { ClientRules } from "./check-client.ts";
import { reservedClaims, standardClaims } from "./claims.ts";
import { none } from "./client-auth/none.ts";
import { secretBasic, secretPost } from "./client-auth/secret.ts";
import { defaultErrorPage } from "./error-page.ts";
import { signedInOrRegistered } from "./error-redirect-policy.ts";
import { authorizationCode } from "./grants/authorization-code.ts";
import { clientCredentials } from "./grants/client-credentials.ts";
import { refreshToken } from "./grants/refresh-token.ts";
import { silentLog } from "./log.ts";
import type { EndpointName, Lifetimes, Op, Pages, Resource } from "./op.ts";
import type { ProviderOptions } from "./options.ts";
import { pkceAlways } from "./pkce-policy.ts";
import { memoryThrottle } from "./throttle.ts";

/** One thing that is wrong with the options. Secrets are never in it. */
export interface Problem {
  /** Where, e.g. `lifetimes.code` or `resources[0].scopes`. */
  readonly option: string;
  /** What, to be read after `option`: `must be …`. */
  readonly what: string;
}

/**
 * The options given to `createProvider` are not usable; `problems` lists all that is wrong. Secrets are never in it.
 */
export class InvalidOptions extends Error {
  override readonly name = "InvalidOptions";
  readonly problems: readonly string[];
  constructor(found: readonly Problem[]) {
    const problems = found.map(({ option, what }) => `${option} ${what}`);
    super(`the provider's options are not usable:\n${problems.map((problem) => `- ${problem}`).join("\n")}`);
    this.problems = problems;
  }
}

/** Some of the options; of the keys only what says which there are. */
type Given = Omit<Partial<ProviderOptions>, "keys"> & { readonly keys?: Pick<Op["keys"], "algs" | "keepFor"> };

type Note = (option: string, what: string) => void;

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

const defaultGrants = [authorizationCode, refreshToken, clientCredentials];
const defaultClientAuth = [secretBasic, secretPost, none];

/**
 * Lists what is wrong with these options. Only what is given is looked at, so that a configuration can be checked before
 * there is a store; nothing is opened, called or thrown.
 */
export function problemsOf(options: Given): Problem[] {
  const problems: Problem[] = [];
  const note: Note = (option, what) => void problems.push({ option, what });
  for (const name of Object.keys(options)) if (!Object.hasOwn(known, name)) note(name, "is not an option");
  if (options.issuer !== undefined) checkIssuerOption(options.issuer, note);
  if (options.secret !== undefined && !isSecret(options.secret))
    note("secret", "must have at least 32 characters, each of them");
  checkResources(options, note);
  for (const scope of Object.keys(options.scopes ?? {}))
    if (!isScope(scope)) note(`scopes.${scope}`, "cannot be the name of a scope");
  checkClaims(options, note);
  checkLifetimes(options, note);
  checkOnce("grants", "grant_type", options.grants ?? [], note);
  checkOnce("clientAuth", "method", options.clientAuth ?? [], note);
  if (options.keys?.algs?.length === 0) note("keys", "has no signature algorithm");
  checkPaths(options, note);
  checkPages(options, note);
  return problems;
}

/** What client metadata is checked against: a part of the options, which must have passed `problemsOf`. */
export function clientRules(
  options: Pick<ProviderOptions, "issuer" | "scopes" | "resources" | "grants" | "clientAuth"> &
    Pick<ClientRules, "keys">,
): ClientRules {
  const { issuer, keys, grants = defaultGrants, clientAuth = defaultClientAuth } = options;
  return {
    issuer,
    keys,
    clientAuth,
    scopes: Object.freeze({ ...standardScopes, ...options.scopes }),
    resources: new Map((options.resources ?? []).map((resource) => [resource.resource, resource])),
    grants: new Map(grants.map((grant) => [grant.grant_type, grant])),
  };
}

/** Reads the options. Throws `InvalidOptions`. */
export function readOptions(options: ProviderOptions): Op {
  const problems = problemsOf(options);
  for (const name of ["issuer", "secret"] as const) {
    if (options[name] === undefined) problems.push({ option: name, what: "is missing" });
  }
  for (const name of ["store", "keys", "accounts"] as const) {
    if (typeof options[name] !== "object" || options[name] === null)
      problems.push({ option: name, what: "is missing" });
  }
  if (problems.length > 0) throw new InvalidOptions(problems);

  const { issuer, now = Date.now } = options;
  const base = issuer.replace(/\/$/, "");
  return Object.freeze<Op>({
    ...clientRules(options),
    store: options.store,
    keys: options.keys,
    accounts: options.accounts,
    secrets: Object.freeze([options.secret].flat()) as Op["secrets"],
    claims: { ...standardClaims, ...options.claims },
    pkce: options.pkce ?? pkceAlways,
    errorRedirects: options.errorRedirects ?? signedInOrRegistered,
    registration: options.registration,
    session: options.session,
    pages: readPages(options, base),
    errorPage: options.errorPage ?? defaultErrorPage,
    throttle: options.throttle ?? memoryThrottle({ now }),
    flood: memoryThrottle({ limit: { attempts: 1000, seconds: 600 }, now }),
    lifetimes: Object.freeze({ ...defaultLifetimes, ...options.lifetimes }),
    urls: Object.fromEntries(
      Object.entries({ ...defaultPaths, ...options.paths }).map(([name, path]) => [name, base + path]),
    ) as Op["urls"],
    secureCookies: issuer.startsWith("https:"),
    now,
    log: options.log ?? silentLog,
    fetch: options.fetch ?? fetch,
  });
}

function checkIssuerOption(issuer: unknown, note: Note): void {
  try {
    checkIssuer(issuer, { allowLoopbackHttp: true });
  } catch (error) {
    note("issuer", (error as Error).message.replace(/^the issuer /, ""));
  }
}

function isSecret(secret: unknown): boolean {
  const secrets: unknown[] = [secret].flat();
  return secrets.length > 0 && secrets.every((one) => typeof one === "string" && one.length >= 32);
}

function checkResources({ resources = [], issuer }: Given, note: Note): void {
  const seen = new Set<unknown>();
  for (const [at, given] of resources.entries()) {
    const { resource, scopes, tokens }: Partial<Resource> = given ?? {};
    const where = `resources[${at}]`;
    // RFC 8707 §2: an absolute URI without fragment.
    if (typeof resource !== "string" || !URL.canParse(resource) || resource.includes("#"))
      note(`${where}.resource`, `must be an absolute URI without fragment, got ${String(resource)}`);
    else if (seen.has(resource)) note(`${where}.resource`, `is there twice: ${resource}`);
    else if (resource === issuer)
      note(`${where}.resource`, "cannot be the issuer itself: its access tokens are for userinfo");
    if (tokens !== "opaque" && tokens !== "at+jwt") note(`${where}.tokens`, 'must be "opaque" or "at+jwt"');
    if (!Array.isArray(scopes) || !scopes.every(isScope)) note(`${where}.scopes`, "must be scope names");
    seen.add(resource);
  }
}

/** RFC 6749 §3.3: scope-token. */
const isScope = (scope: unknown): boolean => typeof scope === "string" && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope);

function checkClaims({ claims = {} }: Given, note: Note): void {
  for (const [scope, names] of Object.entries(claims)) {
    for (const name of names) {
      if (reservedClaims.has(name)) note(`claims.${scope}`, `cannot release the claim ${name}: the protocol sets it`);
    }
  }
}

function checkLifetimes({ lifetimes = {}, keys }: Given, note: Note): void {
  // RFC 6749 §4.1.2 recommends at most ten minutes for a code.
  const most: Readonly<Record<string, number>> = { code: 600, refreshRetry: 60 };
  for (const [name, seconds] of Object.entries(lifetimes)) {
    if (!Object.hasOwn(defaultLifetimes, name)) note(`lifetimes.${name}`, "is not a lifetime");
    const least = name === "refreshRetry" ? 0 : 1;
    const limit = most[name];
    if (!Number.isSafeInteger(seconds) || seconds < least)
      note(`lifetimes.${name}`, `must be whole seconds, at least ${least}`);
    else if (limit !== undefined && seconds > limit)
      note(`lifetimes.${name}`, `must not be more than ${limit} seconds`);
  }
  const all = { ...defaultLifetimes, ...lifetimes };
  const keepFor = keys?.keepFor ?? Number.POSITIVE_INFINITY;
  for (const name of ["access", "id_token"] as const) {
    if (all[name] > keepFor)
      note(`lifetimes.${name}`, `is longer than keys stay published after a rotation (keepFor: ${keepFor} seconds)`);
  }
}

function checkOnce<N extends string>(
  option: string,
  name: N,
  values: readonly Readonly<Record<N, string>>[],
  note: Note,
): void {
  const names = values.map((value) => value[name]);
  for (const [at, one] of names.entries())
    if (names.indexOf(one) < at) note(`${option}[${at}]`, `is there twice: ${one}`);
}

function checkPaths({ paths = {} }: Given, note: Note): void {
  for (const [name, path] of Object.entries(paths)) {
    if (!Object.hasOwn(defaultPaths, name)) note(`paths.${name}`, "is not an endpoint");
    if (!/^(\/[\w.~-]+)+$/.test(path)) note(`paths.${name}`, `must be a path like /oauth/authorize, got ${path}`);
  }
  const all = { ...defaultPaths, ...paths };
  if (new Set(Object.values(all)).size < Object.keys(all).length) note("paths", "has one path for two endpoints");
}

function checkPages({ pages = {}, issuer = "" }: Given, note: Note): void {
  const base = URL.canParse(issuer) ? issuer : "https://issuer.invalid";
  for (const [name, page] of Object.entries(pages)) {
    if (!pageNames.includes(name)) note(`pages.${name}`, "is not a page");
    if (typeof page !== "string" || !URL.canParse(page, base)) note(`pages.${name}`, "must be a path or a URL");
  }
}

const pageNames: readonly string[] = ["login", "select_account", "consent", "logout"] satisfies (keyof Pages)[];

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
