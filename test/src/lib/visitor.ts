/**
 * What a visitor of an application does and sees in a real browser; the application is the one of `client-app.ts`.
 */
import assert from "node:assert/strict";
import { axeViolations, type BrowserContext, type Page } from "@valetkey/test-support/chromium";

/** Waits for what was done and for the address it leads to. */
export async function arrives(done: Promise<unknown>, page: Page, url: string): Promise<void> {
  await Promise.all([page.waitForURL(url), done]);
}

export async function isMember(page: Page, path: string): Promise<void> {
  await page.waitForSelector("#name");
  assert.deepEqual([await page.textContent("#page"), await page.textContent("#name")], [path, "Alice"]);
}

export async function lookAt(page: Page, where: string, javaScript = true): Promise<void> {
  assert.equal(await page.locator("h1").count(), 1, where);
  if (javaScript) assert.deepEqual(await axeViolations(page), [], where);
}

/** The consent page takes no click in its first half second: what was meant for the page before it allows nothing. */
export const considered = (page: Page) => page.waitForTimeout(600);

export async function allow(page: Page): Promise<void> {
  await considered(page);
  await page.click("#allow");
}

/** Transactions that nobody will finish any more. */
export const leftOver = async (context: BrowserContext): Promise<string[]> =>
  (await context.cookies()).map(({ name }) => name).filter((name) => name.startsWith("vk_tx_"));

export const sessionOf = async (context: BrowserContext) =>
  (await context.cookies()).find(({ name }) => name === "vk_app");
