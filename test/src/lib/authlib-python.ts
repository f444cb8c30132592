/**
 * Programs written in Python with Authlib, as processes: a Flask application people sign in to, a Flask API that introspects tokens,
 * and a client without a page.
 *
 * Needs Debian's python3-authlib and python3-flask.
 */
import { resolve } from "node:path";
import { startProcess } from "@valetkey/test-support/process";
import { python, skipWithout } from "@valetkey/test-support/python";

/** For tests that need it. */
export const skip = skipWithout(
  ["authlib", "flask", "requests"],
  ["python3-authlib", "python3-flask", "python3-requests"],
);

const script = (name: string) => resolve(import.meta.dirname, `../../src/lib/${name}.py`);
/** Nothing of the machine's own settings, such as a proxy, comes between the ends. */
const env = { PATH: process.env.PATH, PYTHONDONTWRITEBYTECODE: "1" };

export interface Credentials {
  readonly client_id: string;
  readonly client_secret: string;
}

export interface FlaskApp {
  readonly port: number;
  /** The server to sign in at. */
  readonly site: string;
  /** Where the API is, with a slash at the end. */
  readonly api: string;
  readonly github: Credentials;
  readonly google: Credentials;
}

export interface RunningFlaskApp extends AsyncDisposable {
  readonly origin: string;
  /** What Flask logged: each answer, and the stack of each error. */
  log(): string;
}

/** Starts the application on 127.0.0.1; it ends when disposed of. */
export async function startFlaskApp(app: FlaskApp): Promise<RunningFlaskApp> {
  const ready = `Running on http://127.0.0.1:${app.port}`;
  const running = await startProcess(python, [script("authlib-flask"), JSON.stringify(app)], { env, ready });
  return {
    origin: `http://127.0.0.1:${app.port}`,
    log: running.stderr,
    [Symbol.asyncDispose]: async () => {
      await running.kill();
    },
  };
}

export interface FlaskApi extends Credentials {
  readonly port: number;
  /** Where tokens are introspected. */
  readonly endpoint: string;
  readonly audience: string;
}

/** Starts an API that introspects tokens, on 127.0.0.1; it ends when disposed of. */
export async function startFlaskApi(api: FlaskApi): Promise<AsyncDisposable & { readonly origin: string }> {
  const origin = `http://127.0.0.1:${api.port}`;
  const running = await startProcess(python, [script("authlib-api"), JSON.stringify(api)], {
    env,
    ready: `Running on ${origin}`,
  });
  return { origin, [Symbol.asyncDispose]: async () => void (await running.kill()) };
}

export interface SessionSetup {
  readonly site: string;
  readonly client_id: string;
  /** Private key, PEM. */
  readonly key: string;
  readonly redirect_uri: string;
}

/** Runs the client; `visit` is the person: goes to an address and says where they ended. Gives what the server said. */
export async function runSession(
  setup: SessionSetup,
  visit: (url: URL) => Promise<URL>,
  // biome-ignore lint/suspicious/noExplicitAny: the test says what it expects in it
): Promise<any> {
  const running = await startProcess(python, [script("authlib-session")], { env });
  try {
    running.write(`${JSON.stringify(setup)}\n`);
    for (let step = 0; ; step++) {
      const { url, said } = JSON.parse(await running.waitForLine(`{"step": ${step},`));
      if (said !== undefined) return said;
      running.write(`${JSON.stringify({ redirect: (await visit(new URL(url))).href })}\n`);
    }
  } finally {
    await running.kill();
  }
}
