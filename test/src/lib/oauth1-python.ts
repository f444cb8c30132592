/**
 * An application written in Python with requests_oauthlib, as a process that tells where its person must go.
 *
 * Needs Debian's python3-requests-oauthlib.
 */
import assert from "node:assert/strict";
import { resolve } from "node:path";
import { runProcess, startProcess } from "@valetkey/test-support/process";
import { python, skipWithout } from "@valetkey/test-support/python";

/** For tests that need it. */
export const skip = skipWithout(
  ["oauthlib", "requests_oauthlib", "jwt"],
  ["python3-oauthlib", "python3-requests-oauthlib", "python3-jwt", "python3-cryptography"],
);

const script = resolve(import.meta.dirname, "../../src/lib/oauth1-session.py");
const sender = resolve(import.meta.dirname, "../../../packages/client/src/lib/requests-oauthlib-client.py");

export interface PythonApp {
  readonly site: string;
  readonly client_id: string;
  readonly client_secret: string | undefined;
  readonly callback: string;
}

/** What the application has once it is connected: what userinfo said, and its token. */
export interface Connected {
  readonly data: Readonly<Record<string, unknown>>;
  readonly token: string;
  readonly token_secret: string;
}

/** Runs the application; `visit` is the person: gives the address they came back to, or the code they typed. */
export async function connectInPython(
  app: PythonApp,
  visit: (url: string) => Promise<{ readonly redirect: string } | { readonly verifier: string }>,
): Promise<Connected> {
  const running = await startProcess(python, [script]);
  try {
    running.write(`${JSON.stringify(app)}\n`);
    const { url } = JSON.parse(await running.waitForLine(/^\{"url"/));
    running.write(`${JSON.stringify(await visit(url))}\n`);
    const line = await running.waitForLine(/^\{"(data|status)"/);
    const connected = JSON.parse(line);
    assert.ok(connected.data, line);
    return connected;
  } finally {
    await running.kill();
  }
}

/** Has requests_oauthlib sign and send requests; gives the status of each answer. */
export async function sendInPython(requests: readonly Record<string, unknown>[]): Promise<number[]> {
  const { stdout, stderr, code } = await runProcess(python, [sender], { input: JSON.stringify(requests) });
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}
