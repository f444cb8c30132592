/**
 * From a request to the endpoint that answers it.
 *
 * RFC 9110 §9.3.2 (HEAD), §15.5.6 (405); Fetch §3.2 (CORS); RFC 8414 §3.1 and OpenID Connect Discovery §4 (well-known
 * paths). Guarantees that `answer` never rejects: what the protocol foresees is its answer, an outage is 503 and never
 * "unknown", and anything else is logged with its cause and answered `server_error` without detail.
 */
import {
  jsonError,
  methodNotAllowed,
  OAuthError,
  serverError,
  temporarilyUnavailable,
} from "@valetkey/protocol/errors";
import { addHeaders } from "@valetkey/protocol/text-response";
import { StoreUnavailable } from "@valetkey/store";
import { authorizeEndpoint } from "./endpoints/authorize.ts";
import { discoveryEndpoint } from "./endpoints/discovery.ts";
import { endSessionEndpoint } from "./endpoints/end-session.ts";
import { introspectEndpoint } from "./endpoints/introspect.ts";
import { jwksEndpoint } from "./endpoints/jwks.ts";
import { registerEndpoint, registeredClientEndpoint } from "./endpoints/register.ts";
import { revokeEndpoint } from "./endpoints/revoke.ts";
import { tokenEndpoint } from "./endpoints/token.ts";
import { userinfoEndpoint } from "./endpoints/userinfo.ts";
import { KeysUnreadable } from "./keys.ts";
import { refusedIn } from "./lib/refused-scope.ts";
import type { EndpointName, Op, Peer } from "./op.ts";

/** On every answer a script of any origin may read. */
const corsHeaders = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Expose-Headers": "WWW-Authenticate, Retry-After, DPoP-Nonce",
};

type Endpoint = (op: Op, request: Request, peer: Peer) => Promise<Response>;

/** One endpoint: what it takes and who may call it. */
export interface Route {
  readonly name: EndpointName | "discovery";
  readonly methods: readonly string[];
  readonly run: Endpoint;
  /** Scripts of any origin may call it; no cookies are involved. */
  readonly cors: boolean;
  /** People look at it: errors are pages. */
  readonly page: boolean;
}

/**
 * Builds the route table: a function from the path of a URL to its route. The host is configuration and not looked at.
 */
export function routesOf(op: Op): (pathname: string) => Route | undefined {
  const routes = new Map<string, Route>();
  const below = new Map<string, Route>();
  const at = (name: EndpointName, methods: string[], run: Endpoint, who: "page" | "script" | "server") =>
    routes.set(new URL(op.urls[name]).pathname, { name, methods, run, cors: who === "script", page: who === "page" });

  at("authorize", ["GET", "POST"], authorizeEndpoint, "page");
  at("end_session", ["GET", "POST"], endSessionEndpoint, "page");
  at("token", ["POST"], tokenEndpoint, "script");
  at("revoke", ["POST"], revokeEndpoint, "script");
  at("userinfo", ["GET", "POST"], userinfoEndpoint, "script");
  at("jwks", ["GET"], jwksEndpoint, "script");
  at("introspect", ["POST"], introspectEndpoint, "server");
  for (const { endpoints = [] } of op.parts) {
    for (const { name, methods, run, who, below: isBelow } of endpoints) {
      if (isBelow === undefined) at(name, [...methods], run, who);
      else
        below.set(new URL(op.urls[name]).pathname, {
          name,
          methods,
          run,
          cors: who === "script",
          page: who === "page",
        });
    }
  }
  if (op.registration !== undefined) at("register", ["POST"], registerEndpoint, "script");
  for (const path of discoveryPaths(op.issuer)) {
    routes.set(path, { name: "discovery", methods: ["GET"], run: discoveryEndpoint, cors: true, page: false });
  }

  const registered = `${new URL(op.urls.register).pathname}/`;
  const configuration: Route = {
    name: "register",
    methods: ["GET", "PUT", "DELETE"],
    run: registeredClientEndpoint,
    cors: true,
    page: false,
  };
  return (pathname) => {
    const route = routes.get(pathname) ?? below.get(pathname.replace(/\/[^/]+$/, ""));
    if (route !== undefined) return route;
    // RFC 7592 §3: one URL per registered client.
    return op.registration !== undefined && pathname.startsWith(registered) ? configuration : undefined;
  };
}

/** OpenID Connect appends its well-known path to the issuer; RFC 8414 §3.1 inserts its own before the issuer's path. */
function discoveryPaths(issuer: string): string[] {
  const path = new URL(issuer).pathname.replace(/\/$/, "");
  return [`${path}/.well-known/openid-configuration`, `/.well-known/oauth-authorization-server${path}`];
}

/** Answers a request by its route; never rejects. */
export async function answer(op: Op, route: Route, request: Request, peer: Peer): Promise<Response> {
  const response = await respond(op, route, request, peer);
  if (route.cors) {
    addHeaders(response, corsHeaders);
  }
  return response;
}

async function respond(op: Op, route: Route, request: Request, peer: Peer): Promise<Response> {
  const { method } = request;
  if (method === "OPTIONS" && route.cors) return preflight(route);
  if (method === "HEAD" && answersHead(route)) {
    const get = new Request(request.url, { headers: request.headers, signal: request.signal });
    const { status, headers } = await run(op, route, get, peer);
    return new Response(null, { status, headers });
  }
  if (!route.methods.includes(method)) return methodNotAllowed(allowed(route));
  return run(op, route, request, peer);
}

async function run(op: Op, route: Route, request: Request, peer: Peer): Promise<Response> {
  try {
    return await route.run(op, request, peer);
  } catch (cause) {
    const error = answerTo(op, route, cause);
    if (!route.page) return jsonError(error);
    return errorPage(op, request, error);
  }
}

/** What is said about something that was thrown, after the log was told the rest. */
function answerTo(op: Op, route: Route, thrown: unknown): OAuthError {
  if (thrown instanceof OAuthError) {
    if (thrown.status >= 500)
      op.log.error({ event: "request.failed", endpoint: route.name, cause: thrown }, thrown.message);
    // Which names it was the answer does not say, and whoever registered the client wants to know.
    if (thrown.error === "invalid_scope")
      op.log.info({ event: `${route.name}.refused`, error: thrown.error, ...refusedIn(thrown) }, thrown.description);
    return thrown;
  }
  if (thrown instanceof StoreUnavailable || thrown instanceof KeysUnreadable) {
    op.log.error({ event: "request.unavailable", endpoint: route.name, cause: thrown }, thrown.message);
    // A client must be able to tell an outage from a refusal: it would throw its tokens away (P20).
    const retryAfter = thrown instanceof StoreUnavailable ? Math.max(1, Math.ceil(thrown.retryAfter)) : 30;
    return temporarilyUnavailable("the server cannot answer now, try again later", {
      headers: { "Retry-After": String(retryAfter) },
    });
  }
  op.log.error({ event: "request.failed", endpoint: route.name, cause: thrown }, "an unexpected error");
  return serverError("the server met an unexpected condition");
}

async function errorPage(op: Op, request: Request, error: OAuthError): Promise<Response> {
  const { description, status } = error;
  try {
    const page = await op.errorPage(request, { error: error.error, description, status });
    const response = new Response(page.body, { status: page.status, headers: page.headers });
    for (const [name, value] of Object.entries(error.headers ?? {})) response.headers.set(name, value);
    return response;
  } catch (cause) {
    op.log.error({ event: "error-page.failed", cause }, "the error page could not be shown");
    return new Response(`${error.error}: ${description}\n`, {
      status,
      headers: { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store", ...error.headers },
    });
  }
}

function preflight(route: Route): Response {
  return new Response(null, {
    status: 204,
    headers: {
      "Access-Control-Allow-Methods": route.methods.join(", "),
      // The SDK of MCP names the version it speaks wherever it asks.
      "Access-Control-Allow-Headers": "Authorization, Content-Type, Accept, DPoP, MCP-Protocol-Version",
      "Access-Control-Max-Age": "86400",
      Vary: "Origin",
    },
  });
}

/** HEAD must do nothing but look: a page may end an interaction and give out a code. */
function answersHead({ methods, page }: Route): boolean {
  return methods.includes("GET") && !page;
}

function allowed(route: Route): string {
  const { methods, cors } = route;
  const all = answersHead(route) ? ["GET", "HEAD", ...methods.filter((method) => method !== "GET")] : [...methods];
  return (cors ? [...all, "OPTIONS"] : all).join(", ");
}
