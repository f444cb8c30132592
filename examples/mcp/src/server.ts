/**
 * An MCP server with two tools over Streamable HTTP, protected by protectMcp.
 *
 * Model Context Protocol 2025-11-25 (Transports, Tools, Authorization). There are three scopes: `photos:read` for every request,
 * `photos:write` for one tool, `photos:private` for what one tool is asked for now and then.
 */
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { type McpToken, protectMcp } from "@valetkey/resource/mcp";
import { z } from "zod";

interface Photo {
  readonly title: string;
  readonly isPrivate: boolean;
}

/** Makes the server's fetch. `issuer` is any authorization server that gives tokens for `resource`. */
export function makeServer(issuer: string, resource: string): (request: Request) => Promise<Response> {
  const albums = new Map<string, Photo[]>();
  return protectMcp(
    { issuer, resource, scope: "photos:read", tools: { upload_photo: "photos:write" } },
    async (request, token) => {
      if (new URL(request.url).pathname !== new URL(resource).pathname) return new Response(null, { status: 404 });
      // Without sessions there is nothing to listen for (GET) and nothing to end (DELETE).
      if (request.method !== "POST") return new Response(null, { status: 405, headers: { Allow: "POST" } });
      // One for each request: nothing of one person can be left for the next.
      const server = withTools(token, albums);
      const transport = new WebStandardStreamableHTTPServerTransport();
      await server.connect(transport as Transport);
      return transport.handleRequest(request, { authInfo: token.authInfo });
    },
  );
}

function withTools(token: McpToken, albums: Map<string, Photo[]>): McpServer {
  const server = new McpServer({ name: "photos", version: "0.1.0" });
  // A subject means something only together with its issuer.
  const owner = `${token.iss} ${token.sub}`;
  const album = albums.get(owner) ?? [{ title: "Beach", isPrivate: false }];
  const text = (words: string) => ({ content: [{ type: "text" as const, text: words }] });

  server.registerTool(
    "list_photos",
    { description: "Lists your photos", inputSchema: { include_private: z.boolean().default(false) } },
    ({ include_private }) => {
      // Only known here: it depends on what the tool is asked.
      if (include_private) token.require("photos:private");
      const photos = album.filter(({ isPrivate }) => include_private || !isPrivate);
      return text(photos.map(({ title }) => title).join(", "));
    },
  );
  server.registerTool(
    "upload_photo",
    { description: "Adds a photo", inputSchema: { title: z.string().max(80), is_private: z.boolean().default(false) } },
    ({ title, is_private }) => {
      albums.set(owner, [...album, { title, isPrivate: is_private }]);
      return text(`${title} is there`);
    },
  );
  return server;
}
