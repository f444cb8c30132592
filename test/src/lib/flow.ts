/**
 * The protocol, spelled out over plain `fetch`: what a client sends and what a person clicks.
 *
 * Nothing of ours is imported here, so that a mistake in our own client library cannot hide one in the server.
 */
import { createHash, randomBytes } from "node:crypto";
import { createBrowser, type FetchBrowser, type PageOf } from "./browser.ts";

/** A registered client as a test knows it. Without a secret it is public. */
export interface TestClient {
  readonly client_id: string;
  readonly client_secret?: string;
  readonly redirect_uri: string;
  /** How it authenticates; `client_secret_basic` with a secret, `none` without, unless given. */
  readonly method?: "client_secret_basic" | "client_secret_post" | "none";
}

export interface TestUser {
  readonly email: string;
  readonly name: string;
  readonly password: string;
  readonly subject: string;
}

/** An answer of an endpoint, read. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: the tests say what they expect in it
  readonly json: any;
}

export type Params = Readonly<Record<string, string | undefined>>;

/** A verifier and its S256 challenge (RFC 7636 §4). */
export function createPkce(): { verifier: string; challenge: string } {
  const verifier = randomBytes(32).toString("base64url");
  return { verifier, challenge: createHash("sha256").update(verifier).digest("base64url") };
}

/** The URL of a complete authorization request; `undefined` takes a parameter away. */
export function authorizationUrl(issuer: string, client: TestClient, params: Params = {}): URL {
  const url = new URL("/authorize", issuer);
  const all: Params = {
    client_id: client.client_id,
    redirect_uri: client.redirect_uri,
    response_type: "code",
    scope: "openid",
    state: "state-1",
    code_challenge_method: params.code_challenge === undefined ? undefined : "S256",
    ...params,
  };
  for (const [name, value] of Object.entries(all)) if (value !== undefined) url.searchParams.set(name, value);
  return url;
}

/** What the person does on the way. */
export interface Walk {
  readonly user?: TestUser;
  readonly decision?: "allow" | "deny";
  /** Values on the consent page, by id or name. */
  readonly consent?: Readonly<Record<string, string | boolean>>;
}

/** Goes through the pages from here: signs in, decides; ends at the client, or throws with the page it got stuck on. */
export async function walk(
  browser: FetchBrowser,
  from: PageOf | URL,
  { user, decision = "allow", consent }: Walk,
): Promise<PageOf> {
  let page = from instanceof URL ? await browser.open(from) : from;
  for (let steps = 0; steps < 8 && !page.foreign; steps++) {
    if (page.status >= 400) break;
    if (page.has("password") && user) page = await signIn(browser, page, user);
    else if (page.has("allow")) page = await browser.press(page, decision, consent);
    else break;
  }
  if (page.foreign) return page;
  throw new Error(`stuck at ${page.url}: ${page.status} ${page.text.slice(0, 800)}`);
}

/** Fills in the login page and submits it. */
export function signIn(
  browser: FetchBrowser,
  page: PageOf,
  user: Pick<TestUser, "email" | "password">,
  more: Readonly<Record<string, string | boolean>> = {},
): Promise<PageOf> {
  return browser.press(page, "submit", { username: user.email, password: user.password, ...more });
}

/** A code with everything needed to redeem it. */
export interface Code {
  readonly code: string;
  readonly verifier: string;
  readonly client: TestClient;
  /** Parameters of the authorization response. */
  readonly response: Record<string, string>;
  readonly browser: FetchBrowser;
}

/** Gets a code through the pages. Throws if the client was sent an error. */
export async function getCode(
  issuer: string,
  client: TestClient,
  options: Walk & { readonly params?: Params; readonly browser?: FetchBrowser },
): Promise<Code> {
  const { verifier, challenge } = createPkce();
  const browser = options.browser ?? createBrowser(issuer);
  const page = await walk(
    browser,
    authorizationUrl(issuer, client, { code_challenge: challenge, ...options.params }),
    options,
  );
  const response = Object.fromEntries(page.url.searchParams);
  if (response.code === undefined) throw new Error(`no code but ${page.url}`);
  return { code: response.code, verifier, client, response, browser };
}

/** Sends a form as this client does. `headers` take the place of the client's own. */
export async function postAs(
  url: string | URL,
  client: TestClient | undefined,
  form: Params | URLSearchParams,
  headers: Readonly<Record<string, string>> = {},
): Promise<Reply> {
  const body = form instanceof URLSearchParams ? form : new URLSearchParams();
  if (!(form instanceof URLSearchParams)) {
    for (const [name, value] of Object.entries(form)) if (value !== undefined) body.set(name, value);
  }
  const sent: Record<string, string> = { "Content-Type": "application/x-www-form-urlencoded" };
  const method = client?.method ?? (client?.client_secret === undefined ? "none" : "client_secret_basic");
  if (client && method === "client_secret_basic")
    sent.Authorization = basic(client.client_id, client.client_secret ?? "");
  else if (client) {
    if (!body.has("client_id")) body.set("client_id", client.client_id);
    if (method === "client_secret_post") body.set("client_secret", client.client_secret ?? "");
  }
  return read(await fetch(url, { method: "POST", headers: { ...sent, ...headers }, body: body.toString() }));
}

/** The value of an Authorization header (RFC 6749 §2.3.1: each half form-encoded first). */
export function basic(client_id: string, client_secret: string): string {
  const encode = (text: string) => new URLSearchParams({ "": text }).toString().slice(1);
  return `Basic ${Buffer.from(`${encode(client_id)}:${encode(client_secret)}`).toString("base64")}`;
}

/** Reads an answer to its end. */
export async function read(response: Response): Promise<Reply> {
  const text = await response.text();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: response.status, headers: response.headers, text, json };
}

/** Redeems a code. `params` change or, with `undefined`, leave out parameters. */
export function exchange(
  issuer: string,
  code: Code,
  params: Params = {},
  client: TestClient = code.client,
): Promise<Reply> {
  return postAs(new URL("/token", issuer), client, {
    grant_type: "authorization_code",
    code: code.code,
    redirect_uri: code.client.redirect_uri,
    code_verifier: code.verifier,
    ...params,
  });
}

/** Uses a refresh token. */
export function refresh(
  issuer: string,
  client: TestClient,
  refresh_token: string,
  params: Params = {},
): Promise<Reply> {
  return postAs(new URL("/token", issuer), client, { grant_type: "refresh_token", refresh_token, ...params });
}

/** Asks about a token. */
export function introspect(issuer: string, client: TestClient, token: string, params: Params = {}): Promise<Reply> {
  return postAs(new URL("/introspect", issuer), client, { token, ...params });
}

/** Revokes a token. */
export function revoke(issuer: string, client: TestClient, token: string, params: Params = {}): Promise<Reply> {
  return postAs(new URL("/revoke", issuer), client, { token, ...params });
}

/** Fetches the claims of the person. */
export async function userinfo(issuer: string, token: string): Promise<Reply> {
  return read(await fetch(new URL("/userinfo", issuer), { headers: { Authorization: `Bearer ${token}` } }));
}

export interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly id_token: string;
  readonly scope: string;
  readonly expires_in: number;
}

/** The whole way: a code through the pages, redeemed. */
export async function getTokens(
  issuer: string,
  client: TestClient,
  options: Parameters<typeof getCode>[2],
): Promise<Tokens & { readonly browser: FetchBrowser }> {
  const code = await getCode(issuer, client, options);
  const reply = await exchange(issuer, code);
  if (reply.status !== 200) throw new Error(`no tokens but ${reply.status} ${reply.text}`);
  return { ...(reply.json as Tokens), browser: code.browser };
}

/** The claims in a JWT, unverified. */
export function claimsOf(jwt: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString()) as Record<string, unknown>;
}
