/**
 * MCP clients that are pages of other origins, in a real Chromium: the SDK's own modules, our guard before an MCP server, our own
 * authorization server, where the page registers itself. The server is the one of version 1 of the SDK.
 *
 * Fetch §3.2 (CORS), RFC 9728 §3, RFC 7591, Model Context Protocol 2026-07-28 (Streamable HTTP, "Security & Endpoint"); row RS-13.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { RequestListener, Server } from "node:http";
import { join, normalize, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { createAdaptorServer } from "@hono/node-server";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { type McpHandler, type McpOptions, protectMcp } from "@valetkey/resource/mcp";
import { type Browser, type Page, startChromium } from "@valetkey/test-support/chromium";
import { createBrowser } from "./lib/browser.ts";
import { type Listening, listen } from "./lib/http-listener.ts";
import { freePort, type RunningServer, startServer } from "./lib/server.ts";
import { considered } from "./lib/visitor.ts";

const root = resolve(import.meta.dirname, "../..");

/** The page, and the packages it imports. */
const site: RequestListener = (request, response) => {
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  const file = pathname.startsWith("/node_modules/") ? normalize(join(root, pathname)) : undefined;
  response.setHeader("Content-Type", file === undefined ? "text/html; charset=utf-8" : "text/javascript");
  response.end(readFileSync(file ?? join(root, "test/src/lib/mcp-page.html")));
};

const photos: string[] = ["Beach"];
const handler: McpHandler = async (request, token) => {
  const server = new McpServer({ name: "photos", version: "1" });
  const text = (words: string) => ({ content: [{ type: "text" as const, text: words }] });
  server.registerTool("list_photos", {}, () => text(photos.join(", ")));
  server.registerTool("upload_photo", {}, () => {
    photos.push("Snow");
    return text("there");
  });
  const transport = new WebStandardStreamableHTTPServerTransport();
  await server.connect(transport as Transport);
  return transport.handleRequest(request, { authInfo: token.authInfo });
};

describe("an MCP client in a page of another origin", () => {
  const stranger = "http://inspector.test";
  const ada = { email: "ada@example.test", name: "Ada", password: "a long walk by the sea" };
  let resource = "";
  let issuer: RunningServer;
  let mcp: Server;
  let pages: Listening;
  let chromium: Browser;
  let handle: (request: Request) => Promise<Response>;
  const protect = (more: Partial<McpOptions> = {}) => {
    const options = { issuer: issuer.issuer, resource, scope: "photos:read", tools: { upload_photo: "photos:write" } };
    handle = protectMcp({ ...options, ...more }, handler);
  };

  before(async () => {
    resource = `http://localhost:${await freePort()}/mcp`;
    const scopes = ["--mcp-scope", "photos:read=See your photos", "--mcp-scope", "photos:write=Add photos"];
    issuer = await startServer({ args: ["--mcp", resource, ...scopes, "--registration", "open"] });
    const line = await issuer.process().waitForLine("/setup?token=");
    const browser = createBrowser(issuer.issuer);
    const setup = await browser.open(/\S+\/setup\?token=\S+/.exec(line)?.[0] ?? "");
    await browser.press(setup, "submit", ada);
    protect();
    mcp = createAdaptorServer({ fetch: (request) => handle(request) }) as Server;
    await new Promise<void>((done) => mcp.listen(Number(new URL(resource).port), "localhost", done));
    pages = await listen(site);
    const port = new URL(pages.origin).port;
    chromium = await startChromium({ args: [`--host-resolver-rules=MAP inspector.test 127.0.0.1:${port}`] });
  });
  after(async () => {
    await chromium?.close();
    await pages?.[Symbol.asyncDispose]();
    mcp?.closeAllConnections();
    mcp?.close();
    await issuer?.[Symbol.asyncDispose]();
  });

  /** A page, and what its browser complains of, but for refusals, which are part of the story: 400 to a newer version. */
  async function open(): Promise<{ page: Page; complaints: string[] }> {
    const page = await (await chromium.newContext()).newPage();
    page.setDefaultTimeout(15_000);
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error" && !/status of 40[013]/.test(message.text())) complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    return { page, complaints };
  }

  it("registers itself, signs in, calls a tool, steps up and refreshes, on loopback without being allowed by name", async () => {
    const { page, complaints } = await open();
    await page.goto(`${pages.origin}/?server=${encodeURIComponent(resource)}`);
    await page.waitForURL(`${issuer.issuer}/login**`);
    await page.fill("#username", ada.email);
    await page.fill("#password", ada.password);
    await page.click("#submit");
    for (const words of ["See your photos", "Add photos"]) {
      await page.waitForSelector("#allow");
      const asked = (await page.textContent("body")) ?? "";
      assert.ok(asked.includes(words), `${page.url()} ${asked}`);
      await considered(page);
      const there = page.waitForURL((url) => url.origin === pages.origin);
      await page.click("#allow");
      await there;
    }
    await page.waitForSelector("#answer, #failure");
    const said = ((await page.textContent("#answer, #failure")) ?? "").split("; ");
    assert.deepEqual(said, ["Beach", "there", "Beach, Snow", "photos:read photos:write", "2025-11-25"]);
    assert.deepEqual(complaints, []);
  });

  /** What a script of this page sees of the server: status and challenge, or that the browser let it see nothing. */
  const sees = (page: Page, method: string): Promise<string> =>
    page.evaluate(
      async ([url = "", method = ""]) => {
        const headers = { Authorization: "Bearer x", "MCP-Protocol-Version": "2026-07-28", "Mcp-Param-Region": "eu" };
        try {
          const { status, headers: said } = await fetch(url, { method, headers });
          return `${status} ${said.get("WWW-Authenticate")?.split(" ")[0]}`;
        } catch (error) {
          return (error as Error).name;
        }
      },
      [resource, method],
    );

  it("other pages see nothing, until they are allowed by name, or all of them (RS-13)", async () => {
    const { page } = await open();
    await page.goto(`${stranger}/?server=${encodeURIComponent(resource)}`);
    assert.equal(await sees(page, "POST"), "TypeError");
    for (const allowedOrigins of [[stranger], "*"] as const) {
      protect({ allowedOrigins });
      for (const method of ["POST", "GET", "DELETE"]) assert.equal(await sees(page, method), "401 Bearer", method);
    }
    protect({ allowedOrigins: ["http://other.test"] });
    assert.equal(await sees(page, "POST"), "TypeError");
  });

  it("reads the document about the server from anywhere, with headers of its own", async () => {
    protect();
    const { page } = await open();
    await page.goto(stranger);
    const place = new URL("/.well-known/oauth-protected-resource/mcp", resource).href;
    const read = await page.evaluate(async (url) => {
      const answer = await fetch(url, { headers: { "MCP-Protocol-Version": "2026-07-28" } });
      return (await answer.json()).resource as string;
    }, place);
    assert.equal(read, resource);
  });
});
