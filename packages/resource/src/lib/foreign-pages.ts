/**
 * Which pages may call an MCP server, and what lets their scripts do so.
 *
 * Fetch §3.2 (CORS), Model Context Protocol 2026-07-28 (Streamable HTTP, "Security & Endpoint": the Origin header is validated).
 * Guarantees that no answer can be read by a page that was not allowed, and that cookies never count: an answer is opened to an
 * origin, not to credentials.
 */
import { OAuthError } from "@valetkey/protocol/errors";
import { isLoopbackHost } from "@valetkey/protocol/loopback";
import type { AllowedOrigins } from "../options.ts";

/** `*` does not cover Authorization (Fetch §3.2.3); headers that tools ask for (`Mcp-Param-…`) have no fixed names. */
const sent = "Authorization, *";
const read = "WWW-Authenticate, Mcp-Session-Id, DPoP-Nonce, Retry-After";

export interface ForeignPages {
  /** Refuses a request of a page that may not call, with `invalid_request` and status 403. Programs send no Origin. */
  check(request: Request): void;
  /** Answers a browser that asks beforehand; nothing for other requests. */
  preflight(request: Request): Response | undefined;
  /** Lets the page that asked read the answer. */
  open(request: Request, answer: Response): Response;
}

/** `own` are URLs of the server: pages of their origins may call it. */
export function createForeignPages(own: readonly string[], allowed: AllowedOrigins): ForeignPages {
  const known = new Set([...own.map((url) => new URL(url).origin), ...(allowed === "*" ? [] : allowed)]);
  const isOnLoopback = own.every(isLoopback);
  const mayCall = (origin: string) => allowed === "*" || known.has(origin) || (isOnLoopback && isLoopback(origin));
  const originOf = ({ headers }: Request) => headers.get("origin");

  const open = (request: Request, answer: Response): Response => {
    const origin = originOf(request);
    // One that came from fetch cannot be changed.
    const opened = new Response(answer.body, answer);
    // RFC 9110 §12.5.5: without it a cache could hand one page the answer that is open to another.
    if (allowed !== "*") opened.headers.append("Vary", "Origin");
    if (origin === null || !mayCall(origin)) return opened;
    opened.headers.set("Access-Control-Allow-Origin", allowed === "*" ? "*" : origin);
    opened.headers.set("Access-Control-Expose-Headers", read);
    return opened;
  };
  return {
    open,
    check(request) {
      const origin = originOf(request);
      if (origin !== null && !mayCall(origin))
        throw new OAuthError("invalid_request", "pages of this origin may not call this server", { status: 403 });
    },
    preflight(request) {
      if (request.method !== "OPTIONS" || !request.headers.has("access-control-request-method")) return undefined;
      const headers = {
        "Access-Control-Allow-Methods": "GET, POST, DELETE",
        "Access-Control-Allow-Headers": sent,
        "Access-Control-Max-Age": "7200",
      };
      return new Response(null, { status: 204, headers });
    },
  };
}

const isLoopback = (url: string): boolean => URL.canParse(url) && isLoopbackHost(new URL(url).hostname);
