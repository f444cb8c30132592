/**
 * Reads `createProvider`'s options into the frozen `Op`, and reports every mistake in them at once.
 *
 * RFC 8414 §2 (issuer), RFC 8707 §2 (resources), OpenID Connect Core §5.4 (scopes and claims). Guarantees that a
 * provider which was created is complete: no later request can fail because of a mistake in the options.
 */
import { boundAsRegistered } from "./binding-policy.ts";
import type { ClientRules } from "./check-client.ts";
import { type Problem, problemsOf } from "./check-options.ts";
import { standardClaims } from "./claims.ts";
import { none } from "./client-auth/none.ts";
import { secretBasic, secretPost } from "./client-auth/secret.ts";
import { createRemoteKeys } from "./client-keys.ts";
import { defaultLifetimes, defaultPaths, usableAlgs } from "./default-options.ts";
import { defaultErrorPage } from "./error-page.ts";
import { signedInOrRegistered } from "./error-redirect-policy.ts";
import { authorizationCode } from "./grants/authorization-code.ts";
import { clientCredentials } from "./grants/client-credentials.ts";
import { refreshToken } from "./grants/refresh-token.ts";
import { silentLog } from "./log.ts";
import type { Keys, Op, Pages } from "./op.ts";
import type { ProviderOptions } from "./options.ts";
import type { Part } from "./part.ts";
import { pkceAlways } from "./pkce-policy.ts";
import { signedUserinfo } from "./protected-answers.ts";
import { rotateAlways } from "./refresh-rotation.ts";
import { resourceOptional } from "./resource-policy.ts";
import { formPost } from "./response-modes/form-post.ts";
import { fragment, query } from "./response-modes/response-mode.ts";
import { code } from "./response-types.ts";
import { memoryThrottle } from "./throttle.ts";

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

const standardScopes: Readonly<Record<string, string>> = {
  openid: "Confirm who you are",
  profile: "See your name and picture",
  email: "See your e-mail address",
  offline_access: "Stay connected while you are away",
};

const defaultGrants = [authorizationCode, refreshToken, clientCredentials];
const defaultClientAuth = [secretBasic, secretPost, none];
const defaultAnswers = [signedUserinfo];
const defaultResponseTypes = [code];
const defaultResponseModes = [query, fragment, formPost];

/** What client metadata is checked against: a part of the options, which must have passed `problemsOf`. */
export function clientRules(options: Listed & Pick<ClientRules, "keys">): ClientRules {
  const { issuer, keys, grants = defaultGrants, clientAuth = defaultClientAuth } = options;
  const parts = partsOf(options);
  return {
    issuer,
    keys: { algs: usableAlgs(keys.algs, options) },
    clientAuth,
    responseTypes: byName("response_type", options.responseTypes ?? defaultResponseTypes),
    members: Object.freeze(Object.assign({}, ...parts.map((part) => part.members))),
    scopes: Object.freeze(Object.assign({ ...standardScopes }, ...parts.map((part) => part.scopes), options.scopes)),
    resources: new Map((options.resources ?? []).map((resource) => [resource.resource, resource])),
    grants: new Map(grants.map((grant) => [grant.grant_type, grant])),
  };
}

/** The options that list values. */
type Listed = Pick<
  ProviderOptions,
  | "issuer"
  | "signingAlgs"
  | "scopes"
  | "resources"
  | "grants"
  | "clientAuth"
  | "bindings"
  | "responseTypes"
  | "responseModes"
  | "push"
  | "requestObjects"
  | "clientIdDocuments"
  | "oauth1"
  | "answers"
  | "pairwise"
  | "extensions"
  | "logout"
>;

/** Every listed value, for what it brings with it. */
function partsOf(options: Listed): Part[] {
  return [
    ...(options.grants ?? defaultGrants),
    ...(options.clientAuth ?? defaultClientAuth),
    ...(options.bindings ?? []),
    ...(options.responseTypes ?? defaultResponseTypes),
    ...(options.responseModes ?? defaultResponseModes),
    ...(options.answers ?? defaultAnswers),
    ...(options.logout ?? []),
    ...(options.extensions ?? []),
    ...(options.pairwise === undefined ? [] : [options.pairwise]),
    ...(options.push === undefined ? [] : [options.push]),
    ...(options.requestObjects === undefined ? [] : [options.requestObjects]),
    ...(options.clientIdDocuments === undefined ? [] : [options.clientIdDocuments]),
    ...(options.oauth1 === undefined ? [] : [options.oauth1]),
  ];
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
    keys: usableKeys(options.keys, options),
    accounts: options.accounts,
    secrets: Object.freeze([options.secret].flat()) as Op["secrets"],
    claims: { ...standardClaims, ...options.claims },
    bindings: options.bindings ?? [],
    boundTokens: options.boundTokens ?? boundAsRegistered,
    responseModes: byName("response_mode", options.responseModes ?? defaultResponseModes),
    push: options.push,
    requestObjects: options.requestObjects,
    clientIdDocuments: options.clientIdDocuments,
    oauth1: options.oauth1,
    authorizationDetails: byName("type", options.authorizationDetails ?? []),
    acrs: options.acrs ?? [],
    answers: options.answers ?? defaultAnswers,
    pairwise: options.pairwise,
    logout: options.logout ?? [],
    remoteKeys: createRemoteKeys({ fetch: options.fetch ?? fetch, now }),
    parts: partsOf(options),
    pkce: options.pkce ?? pkceAlways,
    refreshRotation: options.refreshRotation ?? rotateAlways,
    resourceIndicators: options.resourceIndicators ?? resourceOptional,
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

/** The keys as far as they may be used: what may not sign is not published either. */
function usableKeys(keys: Keys, options: Pick<ProviderOptions, "signingAlgs">): Keys {
  if (options.signingAlgs === undefined) return keys;
  const algs = usableAlgs(keys.algs, options);
  return {
    algs,
    ...(keys.keepFor === undefined ? {} : { keepFor: keys.keepFor }),
    signing: (alg) => keys.signing(alg),
    async published(kid) {
      const { keys: all } = await keys.published(kid);
      return { keys: all.filter(({ alg }) => alg === undefined || (algs as readonly string[]).includes(alg)) };
    },
  };
}

function byName<N extends string, V extends Readonly<Record<N, string>>>(
  name: N,
  values: readonly V[],
): ReadonlyMap<string, V> {
  return new Map(values.map((value) => [value[name], value]));
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
    device: page(pages.device, "/device"),
    approve: page(pages.approve, "/approve"),
    oauth1: page(pages.oauth1, "/oauth1/code"),
    ...(pages.create === undefined ? {} : { create: page(pages.create, "") }),
  });
}
