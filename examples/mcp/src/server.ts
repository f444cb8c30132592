/**
 * An MCP server with two tools over Streamable HTTP, protected by protectMcp.
 *
 * Model Context Protocol 2026-07-28 and 2025-11-25 (Streamable HTTP, Tools, Authorization): the SDK answers clients of both in the
 * version they speak. There are three scopes: `photos:read` for every request, `photos:write` for one tool, `photos:private` for
 * what one tool is asked for now and then.
 */
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { type McpToken, protectMcp, tokenOf } from "@valetkey/resource/mcp";
import { z } from "zod";

interface Photo {
  readonly title: string;
  readonly isPrivate: boolean;
}

export interface ServerOptions {
  /** Any authorization server that gives tokens for `resource`. */
  readonly issuer: string;
  readonly resource: string;
  /** Pages elsewhere that may call. */
  readonly allowedOrigins?: readonly string[];
}

/** Makes the server's fetch. */
export function makeServer({ resource, ...options }: ServerOptions): (request: Request) => Promise<Response> {
  const albums = new Map<string, Photo[]>();
  // One server for each request: nothing of one person can be left for the next.
  const mcp = createMcpHandler(({ authInfo }) => withTools(tokenOf(authInfo), albums));
  return protectMcp(
    { ...options, resource, scope: "photos:read", tools: { upload_photo: "photos:write" } },
    (request, token) => {
      if (new URL(request.url).pathname !== new URL(resource).pathname) return new Response(null, { status: 404 });
      return mcp.fetch(request, { authInfo: token.authInfo });
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
    { description: "Lists your photos", inputSchema: z.object({ include_private: z.boolean().default(false) }) },
    ({ include_private }) => {
      // Only known here: it depends on what the tool is asked.
      if (include_private) token.require("photos:private");
      const photos = album.filter(({ isPrivate }) => include_private || !isPrivate);
      return text(photos.map(({ title }) => title).join(", "));
    },
  );
  const photo = z.object({ title: z.string().max(80), is_private: z.boolean().default(false) });
  server.registerTool("upload_photo", { description: "Adds a photo", inputSchema: photo }, ({ title, is_private }) => {
    albums.set(owner, [...album, { title, isPrivate: is_private }]);
    return text(`${title} is there`);
  });
  return server;
}
