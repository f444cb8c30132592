import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { axeViolations, type Browser, startChromium } from "./chromium.ts";

const page = (body: string) =>
  `<!doctype html><html lang="en"><head><title>Sign in</title></head><body><main><h1>Sign in</h1>${body}</main></body></html>`;

describe("startChromium", () => {
  let browser: Browser;
  const server = createServer((request, response) => {
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.setHeader(
      "content-security-policy",
      "default-src 'none'; script-src 'none'; require-trusted-types-for 'script'",
    );
    response.end(page(request.url === "/bad" ? '<img src="x"><input name="user">' : "<p>Welcome</p>"));
  });
  const url = (path: string) => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;

  before(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    browser = await startChromium();
  });
  after(async () => {
    await browser?.close();
    server.close();
    server.closeAllConnections();
  });

  test("renders a page with text and outlives the closing of a page", async () => {
    const first = await browser.newPage();
    await first.goto(url("/"));
    assert.equal(await first.title(), "Sign in");
    const image = await first.screenshot();
    assert.deepEqual(
      [...image.subarray(1, 4)],
      [..."PNG"].map((letter) => letter.charCodeAt(0)),
    );
    assert.ok((await first.locator("h1").boundingBox())?.width);
    await first.close();
    const second = await browser.newPage();
    await second.goto(url("/"));
    assert.equal(await second.textContent("p"), "Welcome");
  });

  test("finds accessibility problems, and none where there are none, under a strict policy", async () => {
    const tab = await browser.newPage();
    await tab.goto(url("/"));
    assert.deepEqual(await axeViolations(tab), []);
    await tab.goto(url("/bad"));
    const found = await axeViolations(tab);
    assert.ok(
      found.some((line) => line.startsWith("image-alt (critical)")),
      found.join("\n"),
    );
    assert.ok(found.some((line) => line.startsWith("label (critical)")));
  });

  test("keeps the same-origin policy", async () => {
    const tab = await browser.newPage();
    await tab.goto(url("/"));
    const other = url("/").replace("127.0.0.1", "localhost");
    await assert.rejects(tab.evaluate(`fetch(${JSON.stringify(other)}).then((response) => response.text())`));
  });
});
