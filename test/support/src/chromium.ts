/**
 * A real Chromium for tests, from npm: no download step, no system packages.
 *
 * The one property: it runs with web security and one process per site as people's browsers do; the arguments
 * `@sparticuz/chromium` suggests for serverless functions would switch both off.
 */

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type Browser, type Page, chromium as playwright } from "playwright-core";
import { chromiumFiles } from "./lib/chromium-files.ts";

export type { Browser, BrowserContext, CDPSession, Page } from "playwright-core";

export interface ChromiumOptions {
  /** More command-line arguments, e.g. `--ignore-certificate-errors`. */
  readonly args?: readonly string[];
}

/** Launches a headless browser. Close it with `browser.close()`; it ends with the test process at the latest. */
export async function startChromium(options: ChromiumOptions = {}): Promise<Browser> {
  const files = await chromiumFiles();
  return playwright.launch({
    executablePath: files.executable,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...(options.args ?? []),
    ],
    env: { ...defined(process.env), LD_LIBRARY_PATH: files.libraries, FONTCONFIG_PATH: files.fonts },
  });
}

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly impact: string | null;
    readonly help: string;
    readonly nodes: readonly { readonly target: readonly unknown[]; readonly failureSummary?: string }[];
  }[];
}

/**
 * Looks for accessibility problems (WCAG 2 A and AA, best practices) on the page as it is now: one readable line for
 * each element in violation, none if all is well. Works under any Content-Security-Policy.
 */
export async function axeViolations(page: Page): Promise<string[]> {
  const source = await readFile(fileURLToPath(import.meta.resolve("axe-core")), "utf8");
  // Evaluated by the debugger, not added as a <script>: a strict policy does not stop it.
  await page.evaluate(source);
  const result = (await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")) as AxeResult;
  return result.violations.flatMap((violation) =>
    violation.nodes.map(
      (node) =>
        `${violation.id} (${violation.impact ?? "unrated"}): ${violation.help} at ${node.target.join(" ")}` +
        (node.failureSummary ? `: ${node.failureSummary.replaceAll(/\s+/g, " ")}` : ""),
    ),
  );
}

function defined(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((pair): pair is [string, string] => pair[1] !== undefined));
}
