/**
 * An application with two issuers, and browsers whose person signs in with one of them and adds the other.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Account } from "../auth.ts";
import { ClientError } from "../client-error.ts";
import { type OAuthOptions, oidc, type SignInFrom, type SignInHook } from "../create-oauth.ts";
import type { OidcOptions } from "../oidc.ts";
import { Browser, type HostileIssuer, startIssuer } from "./hostile-issuer.test.ts";
import { type Act, startApp, type TestApp } from "./test-app.test.ts";

export interface TwoIssuers extends AsyncDisposable {
  readonly app: TestApp;
  readonly acme: HostileIssuer;
  readonly forge: HostileIssuer;
}

type Name = "acme" | "forge";

/** Starts all three; `acme` and `forge` are the names of the providers. */
export async function startTwo({
  forgeWith = {},
  ...options
}: Partial<OAuthOptions> & { act?: Act; forgeWith?: Partial<OidcOptions> } = {}): Promise<TwoIssuers> {
  const [acme, forge] = [await startIssuer(), await startIssuer()];
  const usual = { client_id: "app", client_secret: "app secret", id_token_signed_response_alg: "ES256" } as const;
  const provider = (name: Name, { url }: HostileIssuer) =>
    oidc(name, { issuer: url, ...usual, ...(name === "forge" ? forgeWith : {}) });
  const app = await startApp(acme.url, { providers: [provider("acme", acme), provider("forge", forge)], ...options });
  return {
    app,
    acme,
    forge,
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]();
      await acme[Symbol.asyncDispose]();
      await forge[Symbol.asyncDispose]();
    },
  };
}

/** From now on the issuer signs this person in. */
export function becomes(issuer: HostileIssuer, sub: string, more: Record<string, unknown> = {}): void {
  issuer.mischief.idToken = (claims) => ({ ...claims, sub, ...more });
  issuer.mischief.userinfo = (good) => ({ ...good, sub });
}

export const signIn = (browser: Browser, app: TestApp, name: Name): Promise<Response> =>
  browser.follow(`${app.url}/auth/login/${name}?returnTo=/me`);

/** Presses the button that adds an account; gives where it leads. */
export const pressLink = (
  browser: Browser,
  app: TestApp,
  name: Name,
  headers: Record<string, string> = { "Sec-Fetch-Site": "same-origin" },
): Promise<Response> => {
  const body = new URLSearchParams({ link: "true", returnTo: "/me" });
  return browser.get(`${app.url}/auth/login/${name}`, { method: "POST", body, headers });
};

/** Adds an account, all the way; gives the last page. */
export async function link(browser: Browser, app: TestApp, name: Name): Promise<Response> {
  const left = await pressLink(browser, app, name);
  assert.equal(left.status, 303, await left.text());
  return browser.follow(left.headers.get("location") ?? "");
}

/** What `act` gives for this browser. */
export const acted = async <T>(browser: Browser, app: TestApp): Promise<T> =>
  (await (await browser.get(`${app.url}/act`)).json()) as T;

/** The application's own people: by account, each account once. */
export function people() {
  const owners = new Map<string, string>();
  const seen: SignInFrom[] = [];
  const onSignIn: SignInHook = (user, _tokens, from) => {
    seen.push(from);
    const key = `${from.issuer} ${user.sub}`;
    const wanted = from.intent === "link" ? from.previous?.person : undefined;
    const owner = owners.get(key);
    if (owner !== undefined && wanted !== undefined && owner !== wanted) {
      throw new ClientError("account_taken", "it belongs to somebody else");
    }
    const person = owner ?? wanted ?? `person ${new Set(owners.values()).size + 1}`;
    owners.set(key, person);
    return { person };
  };
  return { owners, seen, onSignIn };
}

export const logout = (browser: Browser, app: TestApp, form: Record<string, string> = {}) =>
  browser.get(`${app.url}/auth/logout`, {
    method: "POST",
    body: new URLSearchParams(form),
    headers: { Origin: app.url },
  });

export const statusOf = async (browser: Browser, app: TestApp) => (await browser.get(`${app.url}/me`)).status;
export const codeOf = async (page: Response) => /<small>(\w+), reference/.exec(await page.text())?.[1];
export const kinds = ["app-session", "app-account", "app-person", "app-tokens"];
export const stored = async (app: TestApp) =>
  Promise.all(kinds.map(async (kind) => (await app.store.list(kind, {})).length));

/** Who is signed in, as what, with which accounts, and what each API answers. */
export const look: Act = async (auth) => {
  const accounts = await auth.accounts();
  const answers = await Promise.all(
    accounts.map(async ({ provider, issuer }) => (await auth.fetch(provider, `${issuer}/api`)).status),
  );
  return { sub: auth.user.sub, provider: auth.provider, person: auth.person, accounts, answers };
};
export interface Seen {
  readonly sub: string;
  readonly provider: string;
  readonly person?: string;
  readonly accounts: readonly Account[];
  readonly answers: readonly number[];
}

test("the application knows two ways to sign in, and each leads to its own issuer", async () => {
  await using two = await startTwo();
  for (const name of ["acme", "forge"] as const) {
    const left = await new Browser().get(`${two.app.url}/auth/login/${name}`);
    assert.ok(left.headers.get("location")?.startsWith(two[name].url));
  }
});
