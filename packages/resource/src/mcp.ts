/**
 * protectMcp: the authorization of an MCP server, around its `Request → Response` function.
 *
 * Model Context Protocol 2026-07-28 and 2025-11-25 (Authorization), RFC 9728 §3 and §5.1, RFC 6750 §3, RFC 8707 §2. Guarantees that the
 * server behind sees only requests with a token an issuer made for exactly this resource, and that a tool that needs more scope
 * is answered by a challenge and not by a result.
 */
import { OAuthError } from "@valetkey/protocol/errors";
import type { InsufficientScope } from "./challenge.ts";
import { withHeaders } from "./lib/by-request.ts";
import { calledTools } from "./lib/called-tools.ts";
import { createForeignPages } from "./lib/foreign-pages.ts";
import { createGate } from "./lib/gate.ts";
import { checkNames } from "./lib/known-options.ts";
import { mcpNames } from "./lib/option-names.ts";
import { certificateOfPeer, type Peer, presentedByRequest, readCredentials } from "./lib/presented.ts";
import { type McpToken, mcpToken } from "./mcp-token.ts";
import { type ResourceDescription, readResourceUrl } from "./metadata.ts";
import type { AllowedOrigins, ResourceOptions } from "./options.ts";
import { readRequirement } from "./requirement.ts";

export { type AuthInfo, type McpToken, tokenOf } from "./mcp-token.ts";

export interface McpOptions extends Omit<ResourceOptions, "audience" | "metadata" | "resource_metadata"> {
  /** The URL of the MCP server as clients write it: what tokens are made for. https, or http on loopback. */
  readonly resource: string;
  /** Scopes every request needs: `"a b"` is both. What clients ask for first. */
  readonly scope?: string;
  /** Scopes of single tools besides, by name: `{ upload: "photos:write" }`. A call without them is not let through. */
  readonly tools?: Readonly<Record<string, string>>;
  /** Bytes of a body that is looked into for `tools`; default 4 MiB. Larger ones are 413. */
  readonly bodyLimit?: number;
  /**
   * Pages elsewhere that may call this server, e.g. `https://app.example`; `"*"` for all. Those of its own origin always may, and on
   * loopback those on loopback. Requests of other pages are 403.
   */
  readonly allowedOrigins?: AllowedOrigins;
  /** More members of the RFC 9728 document, e.g. `resource_name`; `scopes_supported` is `scope` unless given. */
  readonly metadata?: ResourceDescription;
}

/** Answers a request that carries a good token. */
export type McpHandler = (request: Request, token: McpToken) => Response | Promise<Response>;

/**
 * Protects an MCP server. Serves the RFC 9728 document at its place, guards every other path, and answers browsers that ask before a
 * page calls (CORS). A mistake in the options is a `TypeError`.
 *
 * ```ts
 * export default {
 *   fetch: protectMcp(
 *     { issuer: "http://localhost:4000", resource: "http://localhost:3000/mcp", scope: "mcp", tools: { upload: "photos:write" } },
 *     (request, token) => mcp.fetch(request, { authInfo: token.authInfo }),
 *   ),
 * };
 * ```
 */
export function protectMcp(
  options: McpOptions,
  handler: McpHandler,
): (request: Request, peer?: Peer | object) => Promise<Response> {
  checkNames("protectMcp", options, mcpNames, { audience: "resource" });
  if (typeof handler !== "function")
    throw new TypeError("protectMcp needs a second argument: the function that answers a request");
  const { resource, scope = "", tools = {}, bodyLimit = 4 * 1024 * 1024, metadata, ...rest } = options;
  readResourceUrl(resource, "resource");
  for (const [name, needed] of Object.entries(tools))
    if (typeof needed !== "string") throw new TypeError(`tools.${name} must be the scopes that tool needs, as text`);
  const usual = readRequirement(scope);
  const scopes_supported = [...(usual.scopes[0] ?? [])];
  const described = { ...(scopes_supported.length === 0 ? {} : { scopes_supported }), ...metadata };
  const gate = createGate({ ...rest, audience: resource, metadata: described });
  const pages = createForeignPages([resource, rest.baseUrl ?? resource], rest.allowedOrigins ?? []);
  const needs = new Map(Object.entries(tools));
  const anyToken = readRequirement();

  const answerTo = async (request: Request, peer?: Peer | object): Promise<Response> => {
    const presented = presentedByRequest(request, () => certificateOfPeer(peer));
    const refuse = (error: OAuthError) => gate.refuse(error, presented, usual);
    const required = Promise.withResolvers<InsufficientScope>();
    let token: McpToken;
    let headers: Readonly<Record<string, string>>;
    let behind = request;
    try {
      pages.check(request);
      const preflight = pages.preflight(request);
      if (preflight !== undefined) return preflight;
      const checked = await gate.check(presented, anyToken);
      const raw = readCredentials(presented.authorization)?.token ?? "";
      headers = checked.headers;
      token = mcpToken(checked.token, { raw, resource, refuse: required.resolve });
      const looksInto = request.method === "POST" && needs.size > 0;
      const called = looksInto ? await calledTools(request, bodyLimit) : { names: [], request };
      behind = called.request;
      token.require([scope, ...called.names.map((name) => needs.get(name) ?? "")].join(" "));
    } catch (e) {
      if (!(e instanceof OAuthError)) throw e;
      return refuse(e);
    }
    const answer = await answerOrRefusal(async () => handler(behind, token), request.method, required.promise);
    return withHeaders(answer instanceof OAuthError ? refuse(answer) : answer, headers);
  };
  return async (request, peer) => {
    const document = gate.metadata(request.method, new URL(request.url).pathname);
    return document ?? pages.open(request, await answerTo(request, peer));
  };
}

/**
 * Waits for the answer, and of one that is streamed for its beginning: until then a tool can turn it into a challenge. MCP servers
 * catch what tools throw, so that it is heard of here by itself.
 */
async function answerOrRefusal(
  answer: () => Promise<Response>,
  method: string,
  required: Promise<InsufficientScope>,
): Promise<Response | InsufficientScope> {
  const answering = answer().then(async (response) => {
    const isStream = /^text\/event-stream\b/i.test(response.headers.get("content-type") ?? "");
    // The stream of a GET waits for events that may never come.
    return method === "POST" && isStream && response.body !== null ? begun(response, response.body) : response;
  });
  // In this order: what was required in vain before the answer was there counts.
  const first = await Promise.race([required, answering.catch((error: unknown) => ({ error }))]);
  if (first instanceof OAuthError) {
    answering.then(({ body }) => body?.cancel()).catch(() => {});
    return first;
  }
  return answering;
}

/** The same answer, after the first piece of its stream was there. */
async function begun(response: Response, body: ReadableStream<Uint8Array>): Promise<Response> {
  const reader = body.getReader();
  let next: ReturnType<typeof reader.read> | undefined = reader.read();
  await next;
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await (next ?? reader.read());
      next = undefined;
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return new Response(stream, response);
}
