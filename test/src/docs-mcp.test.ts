/**
 * The page docs/mcp.md does what it says: its servers answer clients on both versions of the SDK, with tokens of an issuer in this
 * process. How clients get tokens is in `mcp.test.ts`.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { before, describe, it } from "node:test";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { createMcpHandler, McpServer, requireScopes } from "@modelcontextprotocol/server";
import { startTestServer, type TestServer } from "@valetkey/provider/testing";
import { protectMcp } from "@valetkey/resource/mcp";

const root = resolve(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/mcp.md"), "utf8");
const snippets = [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? "");
const [first = ""] = snippets;
const v1 = snippets.find((text) => text.includes("@modelcontextprotocol/sdk/")) ?? "";
const resource = "http://localhost:3000/mcp";
const elsewhere = "https://elsewhere.example/mcp";

type Handle = (request: Request) => Promise<Response>;

/** Calls a tool with a client on each version of the SDK; gives what it said, and the version of the protocol. */
const clients: Record<string, (handle: Handle, token: string, tool: string) => Promise<[unknown, string | undefined]>> =
  {
    "SDK 2": async (handle, token, tool) => {
      const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode: "auto" } });
      const transport = new StreamableHTTPClientTransport(new URL(resource), through(handle, token));
      await client.connect(transport);
      return [(await client.callTool({ name: tool })).content, client.getNegotiatedProtocolVersion()];
    },
    "SDK 1": async (handle, token, tool) => {
      const client = new ClientV1({ name: "test", version: "1" });
      const transport = new TransportV1(new URL(resource), through(handle, token));
      await client.connect(transport as Transport);
      return [(await client.callTool({ name: tool })).content, transport.protocolVersion];
    },
  };

const through = (handle: Handle, token: string) => ({
  fetch: async (url: string | URL, init?: RequestInit) => handle(new Request(url, init)),
  requestInit: { headers: { Authorization: `Bearer ${token}` } },
});

describe("docs/mcp.md", () => {
  let issuer: TestServer;
  before(async () => {
    const scopes = ["photos:read", "photos:write"];
    const resources = [resource, elsewhere].map((one) => ({ resource: one, scopes, tokens: "at+jwt" as const }));
    issuer = await startTestServer({ users: [{ sub: "alice" }], resources });
  });
  /** The issuer listens nowhere, and its clock stands still. */
  const ports = () => ({ issuer: issuer.issuer, fetch: issuer.fetch, now: issuer.clock.now });
  const tokenFor = (scope: string) => issuer.tokenFor("alice", { scope, audience: resource });

  /** Runs a snippet. Inside the project, so that the packages are found as a user's would be. */
  async function handleOf(snippet: string): Promise<Handle> {
    const file = join(root, "test", `.mcp-${process.pid}-${snippets.indexOf(snippet)}.ts`);
    const served = snippet.replace(/^serve\(\{ fetch: handler, .*$/m, "export default { fetch: handler };");
    await writeFile(file, served.replace('issuer: "http://localhost:4000"', "...globalThis.portsOfTest"));
    Object.assign(globalThis, { portsOfTest: ports() });
    try {
      return ((await import(file)) as { default: { fetch: Handle } }).default.fetch;
    } finally {
      await rm(file);
    }
  }

  for (const [name, call] of Object.entries(clients)) {
    it(`${name}: the server of the first snippet answers whoever has a token, and nobody else`, async () => {
      const handle = await handleOf(first);
      const [said, version] = await call(handle, await tokenFor("photos:read"), "list_photos");
      assert.deepEqual(said, [{ type: "text", text: "photos of alice" }]);
      assert.equal(version, name === "SDK 2" ? "2026-07-28" : "2025-11-25");
      const other = await issuer.tokenFor("alice", { scope: "photos:read", audience: elsewhere });
      await assert.rejects(call(handle, other, "list_photos"), /401|invalid_token|Unauthorized/i);
    });

    it(`${name}: that on version 1 of the SDK too, with a scope of its tool`, async () => {
      const handle = await handleOf(v1);
      const [said, version] = await call(handle, await tokenFor("photos:read photos:write"), "upload_photo");
      assert.deepEqual(said, [{ type: "text", text: "done for alice" }]);
      assert.equal(version, "2025-11-25");
      await assert.rejects(call(handle, await tokenFor("photos:read"), "upload_photo"), /insufficient.?scope|403/i);
    });
  }

  it("scopeChallenge of version 2 finds the scopes, and where the document is, in authInfo", async () => {
    const mcp = createMcpHandler(() => {
      const server = new McpServer({ name: "photos", version: "1" });
      const scopeChallenge = requireScopes("photos:write");
      server.registerTool("upload_photo", { scopeChallenge }, () => ({ content: [{ type: "text", text: "there" }] }));
      return server;
    });
    const options = { ...ports(), resource, scope: "photos:read" };
    let last = new Response();
    const guarded = protectMcp(options, (request, token) => mcp.fetch(request, { authInfo: token.authInfo }));
    const handle: Handle = async (request) => {
      last = await guarded(request);
      return last;
    };
    for (const call of Object.values(clients)) {
      const [said] = await call(handle, await tokenFor("photos:read photos:write"), "upload_photo");
      assert.deepEqual(said, [{ type: "text", text: "there" }]);
      await assert.rejects(call(handle, await tokenFor("photos:read"), "upload_photo"));
      assert.equal(last.status, 403);
      const challenge = last.headers.get("www-authenticate") ?? "";
      assert.match(challenge, /error="insufficient_scope".*scope="photos:write"/);
      assert.match(
        challenge,
        /resource_metadata="http:\/\/localhost:3000\/.well-known\/oauth-protected-resource\/mcp"/,
      );
    }
  });
});
