/**
 * startTestServer: an OpenID Provider in the process of a test, for applications and APIs that want to be tried against one.
 *
 * It is the provider itself with everything in memory, small pages, and a clock that stands still until it is moved. It listens
 * nowhere: `fetch` answers for it, and `browser` walks between it and an application.
 * Guarantees that what it issues comes out of the provider's own line, and that nothing of it leaves the process.
 */
import type { ClientMetadata, TokenResponse } from "@valetkey/protocol/metadata";
import { randomToken } from "@valetkey/protocol/random";
import { memoryStore } from "@valetkey/store/memory";
import type { Keys, Op, Peer, Resource } from "./op.ts";
import type { Provider, ProviderOptions } from "./options.ts";
import { createProvider } from "./provider.ts";
import { readOptions } from "./read-options.ts";
import { type Apps, openBrowser, type TestBrowser } from "./testing/browser.ts";
import { type TestClock, testClock } from "./testing/clock.ts";
import {
  endpointNames,
  type FailingEndpoint,
  type Failure,
  plannedFailures,
  type SeenRequest,
} from "./testing/failures.ts";
import { testKeys } from "./testing/keys.ts";
import { mint, type TokenOptions } from "./testing/mint.ts";
import { answerPage } from "./testing/pages.ts";

export type { App, Apps, SignIn, TestBrowser } from "./testing/browser.ts";
export type { Duration, TestClock } from "./testing/clock.ts";
export type { FailingEndpoint, Failure, SeenRequest } from "./testing/failures.ts";
export { testKeys } from "./testing/keys.ts";
export type { TokenOptions } from "./testing/mint.ts";

/** A person: `sub`, and claims by their names, e.g. `email`, `email_verified`, `name`. */
export interface TestUser {
  readonly sub: string;
  /** Absent: any will do. */
  readonly password?: string;
  readonly [claim: string]: unknown;
}

/** A client as it would be registered; one with a secret gets it unless it brings its own. */
export type TestClient = Omit<ClientMetadata, "client_id"> & {
  readonly client_id: string;
  readonly client_secret?: string;
  /** Nobody is asked whether they allow it. */
  readonly firstParty?: boolean;
};

type Passed = Omit<
  ProviderOptions,
  "issuer" | "store" | "keys" | "accounts" | "secret" | "resources" | "now" | "pages"
>;

/** What `createProvider` takes may be given too, but for what the test server is made of. */
export interface TestServerOptions extends Partial<Passed> {
  readonly users: readonly TestUser[];
  /** Default `test-app`, with a secret and the redirect URI `http://localhost:3000/auth/callback/test`. */
  readonly clients?: readonly TestClient[];
  /** APIs tokens may be for. One that is only named knows all of `scopes` and gets signed tokens (RFC 9068). */
  readonly resources?: readonly (string | Resource)[];
  /** Default `https://id.test`. For real HTTP: `http://localhost:<port>`. */
  readonly issuer?: string;
  /** Milliseconds since the epoch at which the clock stands; default the time of the start. */
  readonly now?: number;
  /** Keys to share between servers; see `testKeys`. */
  readonly keys?: Keys;
}

export interface TestServer {
  readonly issuer: string;
  readonly clock: TestClock;
  /** Adding to it makes an account; removing from it ends what the person allowed. */
  readonly users: Map<string, TestUser>;
  /** What the issuer was asked so far. */
  readonly requests: readonly SeenRequest[];
  /** The provider, with all its sessions, grants and clients. */
  readonly provider: Provider;
  /** Answers for the issuer, and rejects for every other address. Follows no redirects: that is what `browser` is for. */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /** Answers what concerns the issuer, as `provider.handle` does, and its pages: for `nodeHandler`, where real HTTP is wanted. */
  handle(request: Request, peer?: Peer): Promise<Response | undefined>;
  /** `client_id`, and `client_secret` if it has one, to be spread into a provider's options; default of the first client. */
  credentials(client_id?: string): { readonly client_id: string; readonly client_secret?: string };
  /** Gives an access token such as this person would have got. */
  tokenFor(sub: string, options?: TokenOptions): Promise<string>;
  /** Gives the whole answer: with scope `openid` an ID token, for a client with the refresh grant a refresh token. */
  tokensFor(sub: string, options?: TokenOptions): Promise<TokenResponse>;
  /** Revokes a token, as its client would. False: it was not active. */
  revoke(token: string): Promise<boolean>;
  /**
   * Makes an endpoint fail the next time, or `times`.
   *
   * @example idp.fail("token", { status: 503, times: 2 });
   */
  fail(endpoint: FailingEndpoint, failure: Failure): void;
  /** Opens a browser without cookies that knows the issuer and these applications. */
  browser(apps: Apps): TestBrowser;
}

const defaultClient: TestClient = {
  client_id: "test-app",
  client_name: "Test app",
  redirect_uris: ["http://localhost:3000/auth/callback/test"],
  post_logout_redirect_uris: ["http://localhost:3000/"],
  grant_types: ["authorization_code", "refresh_token", "client_credentials"],
};

/**
 * Starts it. Mistakes in the options are thrown as `createProvider` and registration throw them.
 *
 * @example
 * const idp = await startTestServer({ users: [{ sub: "alice", email: "alice@example.test" }] });
 * const oauth = createOAuth({ providers: [oidc("test", { issuer: idp.issuer, ...idp.credentials() })], fetch: idp.fetch, now: idp.clock.now, secret });
 */
export async function startTestServer(options: TestServerOptions): Promise<TestServer> {
  const {
    users: given,
    clients = [defaultClient],
    resources = [],
    issuer = "https://id.test",
    now,
    keys,
    ...rest
  } = options;
  const users = new Map(given.map((user) => [user.sub, user]));
  const clock = testClock(now ?? Date.now());
  const providerOptions: ProviderOptions = {
    ...rest,
    issuer,
    store: memoryStore({ now: clock.now }),
    keys: keys ?? testKeys(),
    accounts: { find: (sub) => accountOf(users.get(sub)) },
    secret: randomToken(32),
    resources: resources.map((one) => (typeof one === "string" ? resourceOf(one, rest.scopes) : one)),
    now: clock.now,
  };
  const provider = createProvider(providerOptions);
  const op: Op = readOptions(providerOptions);
  const credentials = await register(provider, clients);
  const first = clients[0]?.client_id ?? "";
  const failures = plannedFailures([...Object.keys(op.urls), "discovery"]);
  const requests: SeenRequest[] = [];
  const endpointOf = endpointNames(op);

  const handle = async (request: Request, peer: Peer = {}): Promise<Response | undefined> => {
    const endpoint = endpointOf(new URL(request.url).pathname);
    const seen = { ...(endpoint === undefined ? {} : { endpoint }), method: request.method, url: request.url };
    const at = requests.push(seen) - 1;
    const response =
      failures.due(endpoint) ?? (await answerPage(provider, users, request)) ?? (await provider.handle(request, peer));
    if (response !== undefined) requests[at] = { ...seen, status: response.status };
    return response;
  };
  const answer = async (request: Request): Promise<Response> =>
    (await handle(request)) ?? new Response("Not found\n", { status: 404 });
  const tokensFor = (sub: string, wanted: TokenOptions = {}) => mint(op, sub, wanted.client ?? first, wanted);

  return {
    issuer,
    clock,
    users,
    requests,
    provider,
    handle,
    tokensFor,
    async fetch(input, init) {
      const request = new Request(input, init);
      request.signal.throwIfAborted();
      const { origin } = new URL(issuer);
      if (new URL(request.url).origin !== origin) {
        throw new TypeError(
          `fetch failed: the test server answers for ${origin} and nobody else, not for ${request.url}`,
        );
      }
      const response = await answer(request);
      if (response.status >= 300 && response.status < 400 && request.redirect !== "manual") {
        throw new TypeError(`fetch failed: ${request.url} answers with a redirect, which only idp.browser follows`);
      }
      return response;
    },
    credentials(client_id = first) {
      const found = credentials.get(client_id);
      if (found === undefined) throw new Error(`there is no client ${client_id}: add it to clients`);
      return found;
    },
    async tokenFor(sub, wanted) {
      return (await tokensFor(sub, wanted)).access_token;
    },
    revoke: (token) => provider.tokens.revoke(token),
    fail: (endpoint, failure) => failures.add(endpoint, failure),
    browser: (apps) => openBrowser({ issuer, handle: answer, now: clock.now }, apps),
  };
}

type Credentials = ReturnType<TestServer["credentials"]>;

async function register(provider: Provider, clients: readonly TestClient[]): Promise<Map<string, Credentials>> {
  const credentials = new Map<string, Credentials>();
  for (const { firstParty = false, ...metadata } of clients) {
    const { client_id } = metadata;
    const { client_secret } = await provider.clients.add(metadata, { provenance: "config", firstParty });
    credentials.set(client_id, client_secret === undefined ? { client_id } : { client_id, client_secret });
  }
  return credentials;
}

function accountOf(user: TestUser | undefined) {
  if (user === undefined) return undefined;
  const { sub, password: _, ...claims } = user;
  return { sub, claims };
}

const resourceOf = (resource: string, scopes: Readonly<Record<string, string>> = {}): Resource => ({
  resource,
  scopes: Object.keys(scopes),
  tokens: "at+jwt",
});
