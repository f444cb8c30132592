/**
 * An application on loopback that signs people in through `createOAuth`, on bare `node:http`.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Store } from "@valetkey/store";
import { memoryStore } from "@valetkey/store/memory";
import { isClientError } from "../client-error.ts";
import { type Auth, createOAuth, type OAuth, type OAuthOptions, oidc } from "../create-oauth.ts";
import type { Log } from "../log.ts";
import { authOf, requireUser, valetkey } from "../node.ts";
import type { OidcOptions } from "../oidc.ts";
import { Browser } from "./hostile-issuer.test.ts";

export const secret = "a secret for tests that is long enough";

export interface LogLine {
  readonly level: keyof Log;
  readonly fields: Record<string, unknown>;
  readonly message: string;
}

export interface TestApp extends AsyncDisposable {
  readonly url: string;
  readonly oauth: OAuth;
  readonly store: Store;
  readonly lines: LogLine[];
}

/** What the application does on `/act`, with whoever is signed in. */
export type Act = (auth: Auth) => Promise<unknown>;

export function recordingLog(): { log: Log; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: keyof Log) => (fields: Record<string, unknown>, message: string) =>
    void lines.push({ level, fields, message });
  return { lines, log: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") } };
}

/** `/me` shows the user as JSON and needs one, `/recent` one who proved it within a minute; `/act` runs `act` and shows its outcome; anything else is 200. */
export async function startApp(
  issuer: string,
  options: Partial<OAuthOptions> & { provider?: Partial<OidcOptions>; act?: Act } = {},
): Promise<TestApp> {
  const { provider, act, ...rest } = options;
  const { log, lines } = recordingLog();
  const store = options.store ?? memoryStore(options.now === undefined ? {} : { now: options.now });
  const acme = oidc("acme", {
    issuer,
    client_id: "app",
    client_secret: "app secret",
    id_token_signed_response_alg: "ES256",
    ...provider,
  });
  const oauth = createOAuth({ providers: [acme], secret, store, log, ...rest });
  const middleware = valetkey(oauth);
  const server = createServer(async (req, res) => {
    await middleware(req, res, async () => {
      const end = (status: number, value: unknown) => {
        res.writeHead(status, { "Content-Type": "application/json" });
        res.end(JSON.stringify(value));
      };
      if (req.url === "/me") return requireUser()(req, res, () => end(200, authOf(req)?.user));
      if (req.url === "/recent") return requireUser({ maxAge: "1m" })(req, res, () => end(200, authOf(req)?.user));
      if (req.url !== "/act") return end(200, { at: req.url });
      const auth = authOf(req);
      if (auth === null || act === undefined) return end(401, "nobody");
      try {
        return end(200, await act(auth));
      } catch (e) {
        return end(500, isClientError(e) ? { code: e.code, message: e.message } : String(e));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    oauth,
    store,
    lines,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Signs in, and tells the code of the error page; nothing: signed in. */
export async function outcome(
  issuer: { readonly url: string },
  provider: Partial<OidcOptions>,
): Promise<string | undefined> {
  await using app = await startApp(issuer.url, { provider });
  const page = await new Browser().follow(`${app.url}/me`);
  if (page.status === 200) return undefined;
  return /<small>(\w+),/.exec(await page.text())?.[1];
}
