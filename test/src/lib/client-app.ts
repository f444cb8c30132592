/**
 * An application that signs people in with `createOAuth`, served in this process on 127.0.0.1, for tests in a real browser.
 *
 * An issuer on `localhost` is another site to the browser (RFC 6265bis §5.2). The clock is the test's. The one property: each
 * answer of the application is noted, so that a test can say that none was an error.
 */
import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createOAuth, type GuardOptions, type OAuthOptions } from "@valetkey/client/create-oauth";
import { authOf, requireUser, type SignedRequest, type SignedResponse, valetkey } from "@valetkey/client/node";
import { memoryStore } from "@valetkey/store/memory";

export interface ClientApp {
  /** The address people use. */
  readonly origin: string;
  /** `sub` of each sign-in that was accepted, in order. */
  readonly signIns: readonly string[];
  /** Each answer: status, method and path. */
  readonly answers: readonly string[];
  /** `code` of each failed sign-in, in order. */
  readonly failures: readonly string[];
  /** What the log said about each. */
  readonly reasons: readonly string[];
  /** Milliseconds by which the application's clock is ahead. */
  ahead: number;
  /** Called with path and query before each request is answered; a promise makes it wait. */
  before: (url: string) => void | Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface ClientAppSetup extends Pick<OAuthOptions, "providers" | "store" | "clockTolerance"> {
  readonly port: number;
  /** The address people use, where it is not the one this process listens on. */
  readonly origin?: string;
  /** API that `/call` asks with the person's token. */
  readonly api?: string;
  /** Of `/fresh`; an hour unless given. */
  readonly maxAge?: GuardOptions["maxAge"] & {};
}

/** Instances that share a store share it too. */
const secret = "the secret of an application that people try out in a browser";

/** Starts it. `/` is for everybody, every other page for members, `/fresh` for those who have proved lately who they are. */
export async function startClientApp(setup: ClientAppSetup): Promise<ClientApp> {
  const {
    port,
    origin = `http://127.0.0.1:${port}`,
    store = memoryStore(),
    clockTolerance = 30,
    maxAge = "1h",
  } = setup;
  const [signIns, answers, failures, reasons] = [[], [], [], []] as [string[], string[], string[], string[]];
  const note = (fields: { readonly event?: unknown; readonly code?: unknown }, message: string) => {
    if (fields.event !== "sign_in.failed") return;
    failures.push(String(fields.code));
    reasons.push(message);
  };
  const app: ClientApp = {
    origin,
    signIns,
    answers,
    failures,
    reasons,
    ahead: 0,
    before: () => {},
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const oauth = createOAuth({
    providers: setup.providers,
    baseUrl: origin,
    secret,
    store,
    clockTolerance,
    now: () => Date.now() + app.ahead,
    log: { debug: () => {}, info: note, warn: note, error: note },
    onSignIn: ({ sub }) => {
      signIns.push(sub);
    },
  });
  const [identify, member, lately] = [valetkey(oauth), requireUser(), requireUser({ maxAge })];
  const show = async (request: SignedRequest, response: ServerResponse) => {
    const auth = authOf(request);
    const { url = "/" } = request;
    const asked = url === "/call" && auth && setup.api ? await auth.fetch(auth.provider, setup.api) : undefined;
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    response.end(page(url, auth?.user.name ?? auth?.user.sub, (await asked?.text()) ?? ""));
  };
  const answer = async (request: IncomingMessage & SignedRequest, response: ServerResponse & SignedResponse) => {
    const url = request.url ?? "/";
    const path = url.split("?")[0];
    response.on("finish", () => answers.push(`${response.statusCode} ${request.method} ${path}`));
    await app.before(url);
    await identify(request, response, async () => {
      if (path === "/") return show(request, response);
      return (path === "/fresh" ? lately : member)(request, response, () => show(request, response));
    });
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.statusCode = 500;
      response.end(String(error));
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return app;
}

/** Checks that nobody was shown an error. */
export function assertCalm({ answers, failures }: ClientApp): void {
  assert.deepEqual(failures, []);
  assert.deepEqual(
    answers.filter((line) => !/^[23]/.test(line)),
    [],
  );
}

/** Lets the first two answers of a provider wait for each other. */
export function meeting(app: ClientApp): { readonly first: Promise<string>; readonly both: Promise<unknown> } {
  const [one, two] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  const waiting = [one, two];
  app.before = (url) => {
    if (!url.startsWith("/auth/callback/")) return;
    waiting.shift()?.resolve(url);
    return two.promise.then(() => {});
  };
  return { first: one.promise, both: two.promise };
}

const escaped = (text: string): string => text.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);

function page(url: string, who: string | undefined, answer: string): string {
  const body =
    who === undefined
      ? `<p>Nobody is signed in.</p><p><a id="sign-in" href="/auth/login">Sign in</a></p>`
      : `<p>Signed in as <span id="name">${escaped(who)}</span>.</p>
<p><a id="next" href="/next?x=1">The next page</a></p>
<form method="post" action="/auth/logout"><button id="sign-out">Sign out</button></form>
<form method="post" action="/auth/logout">
<input type="hidden" name="provider" value="true"><button id="leave">Sign out there too</button>
</form>
<pre id="answer">${escaped(answer)}</pre>`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>The app</title></head>
<body><main><h1 id="page">${escaped(url)}</h1>
${body}
</main></body></html>`;
}
