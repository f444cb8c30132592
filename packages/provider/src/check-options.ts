/**
 * Lists every mistake in `createProvider`'s options at once, before anything is opened.
 *
 * RFC 8414 §2 (issuer), RFC 8707 §2 (resources), RFC 6749 §4.1.2 (lifetime of a code), OpenID Connect Core §5.4 (scopes and
 * claims). Guarantees that what is said about an option says what to write instead, and never what a secret is.
 */
import { checkIssuer } from "@valetkey/protocol/metadata";
import { reservedClaims } from "./claims.ts";
import { defaultLifetimes, defaultPaths, usableAlgs } from "./default-options.ts";
import type { Op, Pages, Resource } from "./op.ts";
import type { ProviderOptions } from "./options.ts";

/** One thing that is wrong with the options. Secrets are never in it. */
export interface Problem {
  /** Where, e.g. `lifetimes.code` or `resources[0].scopes`. */
  readonly option: string;
  /** What, to be read after `option`: `must be …`. */
  readonly what: string;
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
  bindings: true,
  boundTokens: true,
  responseTypes: true,
  responseModes: true,
  push: true,
  requestObjects: true,
  clientIdDocuments: true,
  oauth1: true,
  authorizationDetails: true,
  acrs: true,
  answers: true,
  pairwise: true,
  extensions: true,
  logout: true,
  pkce: true,
  signingAlgs: true,
  refreshRotation: true,
  resourceIndicators: true,
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
  checkOnce("bindings", "binding", options.bindings ?? [], note);
  checkOnce("responseTypes", "response_type", options.responseTypes ?? [], note);
  checkOnce("responseModes", "response_mode", options.responseModes ?? [], note);
  checkOnce("logout", "channel", options.logout ?? [], note);
  checkOnce("extensions", "extension", options.extensions ?? [], note);
  checkOnce("authorizationDetails", "type", options.authorizationDetails ?? [], note);
  // A secret that anybody can read in a document is none.
  if (options.clientIdDocuments && options.clientAuth?.every(({ secret }) => secret !== undefined))
    note("clientIdDocuments", "needs a method without a shared secret in clientAuth: none or privateKeyJwt()");
  if (options.keys?.algs?.length === 0) note("keys", "has no signature algorithm");
  else if (options.keys?.algs !== undefined && usableAlgs(options.keys.algs, options).length === 0)
    note("keys", `has no key for any of signingAlgs: ${options.signingAlgs?.join(", ")}`);
  checkPaths(options, note);
  checkPages(options, note);
  return problems;
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

function checkResources({ resources = [], issuer, keys, signingAlgs }: Given, note: Note): void {
  const algs = keys?.algs && usableAlgs(keys.algs, signingAlgs === undefined ? {} : { signingAlgs });
  const seen = new Set<unknown>();
  for (const [at, given] of resources.entries()) {
    const { resource, scopes, tokens, alg }: Partial<Resource> = given ?? {};
    const where = `resources[${at}]`;
    // RFC 8707 §2: an absolute URI without fragment.
    if (typeof resource !== "string" || !URL.canParse(resource) || resource.includes("#"))
      note(`${where}.resource`, `must be an absolute URI without fragment, got ${String(resource)}`);
    else if (seen.has(resource)) note(`${where}.resource`, `is there twice: ${resource}`);
    else if (resource === issuer)
      note(`${where}.resource`, "cannot be the issuer itself: its access tokens are for userinfo");
    if (alg !== undefined && algs !== undefined && !algs.includes(alg))
      note(`${where}.alg`, `must be one there is a key for: ${algs.join(", ")}`);
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

const pageNames: readonly string[] = [
  "login",
  "select_account",
  "consent",
  "logout",
  "create",
  "device",
  "approve",
  "oauth1",
] satisfies (keyof Pages)[];
