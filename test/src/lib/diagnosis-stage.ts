/**
 * Seeds one misconfiguration, drives a sign-in as a browser would, and tells what was said about it on the page and in the log.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { type Auth, createOAuth, type OAuth, type OAuthOptions, oidc } from "@valetkey/client";
import { isClientError } from "@valetkey/client/client-error";
import { authOf, requireUser, type SignedRequest, valetkey } from "@valetkey/client/node";
import type { OidcOptions } from "@valetkey/client/oidc";
import { memoryStore } from "@valetkey/store/memory";
import { type BrowserHabits, CookieBrowser, type Page, type Sites } from "./diagnosis-browser.ts";
import { clientSecret, type Faults, type FaultyIssuer, makeKey, startFaultyIssuer } from "./diagnosis-issuer.ts";

/** What was said. */
export interface Diagnosis {
  readonly code: string;
  /** What the person sees. */
  readonly page: string;
  /** What the operator sees: log lines with everything in them, or the error that was thrown at the start. */
  readonly log: string;
  /** What must be in neither. */
  readonly secrets: Iterable<string>;
}

/** One misconfiguration and what must be said about it. */
export interface Row {
  readonly title: string;
  readonly code: string;
  /** Words of the log: what was got, what was expected, what to change. */
  readonly log: readonly RegExp[];
  /** Words of the page. */
  readonly page?: readonly RegExp[];
  readonly seed: () => Diagnosis | Promise<Diagnosis>;
}

export const appSecret = "a secret of the application, long enough";

/** The one mistake. */
export interface Mistake {
  readonly faults?: Faults;
  readonly provider?: Partial<OidcOptions>;
  readonly options?: Partial<OAuthOptions>;
  /** A second provider of the same issuer, named `other`. */
  readonly twice?: true;
  /** Something reads the body before us and leaves nothing of it. */
  readonly eatBody?: true;
  readonly browser?: BrowserHabits;
  /** What is opened first; default `/me`. */
  readonly start?: string;
  /** Where the application is for the browser, if not where it listens. */
  readonly origin?: string;
  /** More than opening one address. */
  readonly drive?: (stage: Stage) => Promise<Page>;
  /** For `/act`, with whoever is signed in. */
  readonly act?: (auth: Auth, stage: Stage) => Promise<unknown>;
}

export interface Stage {
  readonly issuer: FaultyIssuer;
  readonly browser: CookieBrowser;
  /** The application, as the browser names it. */
  readonly app: string;
  readonly port: number;
  /** Starts one more instance of the same application. */
  instance(options?: Partial<OAuthOptions>): Promise<number>;
  /** What was said in the log so far. */
  log(): string;
}

const key = makeKey();

/** Seeds a mistake into an application and an issuer that work, and signs somebody in. */
export async function signIn(mistake: Mistake): Promise<Diagnosis> {
  const { faults, provider, start = "/me", browser: habits = {} } = mistake;
  await using issuer = await startFaultyIssuer(await key, faults);
  await using opened = new AsyncDisposableStack();
  const lines: string[] = [];
  const instance = async (more: Partial<OAuthOptions> = {}): Promise<number> => {
    const oauth = oauthFor(issuer, mistake, lines, more);
    const running = await startApp(oauth, mistake, (auth) => mistake.act?.(auth, stage));
    opened.defer(running.close);
    return running.port;
  };
  const port = await instance();
  const app = mistake.origin ?? `http://localhost:${port}`;
  const sites: Sites = { [app]: port, ...habits.sites };
  const browser = new CookieBrowser({ ...habits, sites });
  const stage: Stage = { issuer, browser, app, port, instance, log: () => lines.join("\n") };
  const page = (await mistake.drive?.(stage)) ?? (await browser.open(app + start));
  const cookies = [...browser.jar.values()].map(({ value }) => value);
  const code = /<small>(\w+), reference/.exec(page.text)?.[1] ?? /"code":"(\w+)"/.exec(page.text)?.[1] ?? "none";
  const given = provider?.client_secret;
  const parts = [...issuer.secrets].map((one) => one.slice(0, 10));
  const secrets = [...parts, ...cookies, clientSecret, appSecret, ...(typeof given === "string" ? [given] : [])];
  return { code, page: plain(page.text), log: lines.join("\n"), secrets };
}

/** A row whose mistake is driven as `signIn` does. */
export const row = (
  title: string,
  code: string,
  mistake: Mistake,
  log: readonly RegExp[],
  page: readonly RegExp[] = [],
): Row => ({ title, code, log, page, seed: () => signIn(mistake) });

/** Makes something that cannot be made. */
export function configured(make: () => unknown, secrets: readonly string[] = []): Diagnosis {
  try {
    make();
  } catch (e) {
    const code = isClientError(e) ? e.code : String(e);
    return { code, page: "", log: inspect(e, { depth: 6 }), secrets };
  }
  return { code: "none", page: "", log: "", secrets };
}

function oauthFor(
  issuer: FaultyIssuer,
  { provider, options, twice }: Mistake,
  lines: string[],
  more: Partial<OAuthOptions>,
): OAuth {
  const note = (fields: Record<string, unknown>, message: string) =>
    void lines.push(`${message} ${inspect(fields, { depth: 8, breakLength: Number.POSITIVE_INFINITY })}`);
  const named = (name: string) =>
    oidc(name, {
      issuer: issuer.url,
      client_id: "app",
      client_secret: clientSecret,
      id_token_signed_response_alg: "ES256",
      ...provider,
    });
  return createOAuth({
    providers: twice ? [named("acme"), named("other")] : [named("acme")],
    secret: appSecret,
    store: memoryStore(),
    log: { debug: note, info: note, warn: note, error: note },
    ...options,
    ...more,
  });
}

async function startApp(oauth: OAuth, { eatBody }: Mistake, act: (auth: Auth) => unknown) {
  const middleware = valetkey(oauth);
  const answer = async (req: IncomingMessage & SignedRequest, res: ServerResponse): Promise<void> => {
    if (eatBody) for await (const _ of req);
    await middleware(req, res, async () => {
      if (req.url === "/act") {
        const auth = authOf(req);
        const done = await Promise.resolve(auth === null ? "nobody" : act(auth)).catch((e: unknown) => explained(e));
        return void res.end(JSON.stringify(done ?? "done"));
      }
      if (req.url?.startsWith("/me")) return requireUser()(req, res, () => res.end(authOf(req)?.user.sub));
      res.writeHead(404).end("the application's own 404");
    });
  };
  const server = createServer((req, res) => void answer(req, res).catch(() => res.destroy()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What an application would log of a failed call. */
function explained(e: unknown): unknown {
  return isClientError(e) ? { code: e.code, message: e.message, hint: e.hint, fix: e.fix } : String(e);
}

/** The words of a page. */
const plain = (html: string): string =>
  html
    .replace(/<[^>]+>/g, " ")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&gt;", ">")
    .replaceAll("&lt;", "<")
    .replaceAll("&amp;", "&")
    .replace(/\s+/g, " ");
