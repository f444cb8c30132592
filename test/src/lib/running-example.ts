/**
 * Starts an example as `npm start` does: the program of its package, in a folder of its own, on ports of its own.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type RunningProcess, startProcess } from "@valetkey/test-support/process";
import type { FetchBrowser, PageOf } from "./browser.ts";
import { freePort } from "./server.ts";

export interface RunningExample {
  readonly app: string;
  /** The provider that is started beside the app, unless the environment names another. */
  readonly issuer: string;
  readonly process: RunningProcess;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts `examples/<name>`; its ports are chosen before, so that others can be told of them: `ports` of `twoPorts`. */
export async function startExample(
  name: string,
  { env = {}, ports }: { readonly env?: Readonly<Record<string, string>>; readonly ports?: Ports } = {},
): Promise<RunningExample> {
  const folder = await mkdtemp(join(tmpdir(), "valetkey-example-"));
  const { port, appPort } = ports ?? (await twoPorts());
  const app = `http://localhost:${appPort}`;
  const start = resolve(import.meta.dirname, `../../../examples/${name}/dist/start.js`);
  const process_ = await startProcess(process.execPath, [start], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, PORT: String(port), APP_PORT: String(appPort), ...env },
    ready: `ready ${app}`,
  });
  return {
    app,
    issuer: `http://localhost:${port}`,
    process: process_,
    [Symbol.asyncDispose]: async () => {
      const ended = await process_.stop();
      await rm(folder, { recursive: true, force: true });
      assert.equal(ended.code, 0, process_.stderr());
    },
  };
}

export interface Ports {
  readonly port: number;
  readonly appPort: number;
}

export const twoPorts = async (): Promise<Ports> => ({ port: await freePort(), appPort: await freePort() });

/** Creates the first account with the link that the terminal shows; the browser is signed in at the provider then. */
export async function setUp(example: RunningExample, browser: FetchBrowser, who: { email: string; name: string }) {
  const line = await example.process.waitForLine(/\/setup\?token=/);
  const link = /http:\S+\/setup\?token=\S+/.exec(line)?.[0] ?? "";
  const done = await browser.press(await browser.open(link), "submit", { ...who, password: "a long walk by the sea" });
  assert.equal(done.status, 200, done.text);
}

/** Follows a link by its id. */
export async function follow(browser: FetchBrowser, page: PageOf, id: string): Promise<PageOf> {
  const href = page.find(id)?.attributes.href;
  if (href === undefined) throw new Error(`no link ${id} on ${page.url}: ${page.text.slice(0, 500)}`);
  return browser.open(new URL(href, page.url));
}
