/**
 * protectResource for Hono: `requireOAuth` is a middleware that sets `c.var.token`.
 *
 * Imports types only: Hono is the application's dependency, not ours. Guarantees that a refusal passes through the middleware
 * before it, e.g. CORS, as any answer does.
 */
import type { Context, MiddlewareHandler } from "hono";
import { byRequest } from "./lib/by-request.ts";
import { createGate } from "./lib/gate.ts";
import { type CertificateSocket, certificateOfSocket, presentedByRequest } from "./lib/presented.ts";
import type { ProtectedResource, RequireOptions, ResourceOptions } from "./protect.ts";
import { type RequireOAuthOf, readRequirement } from "./requirement.ts";
import type { Scopes, Token } from "./token.ts";

export { type ResourceOptions, type Scopes, subjectKey, type Token } from "./protect.ts";

type Middleware<T> = MiddlewareHandler<{ Variables: { token: T } }>;

export type RequireOAuth = RequireOAuthOf<Middleware<Token>, Middleware<Token | undefined>>;

export interface HonoOptions extends ResourceOptions {
  /**
   * Gives the client's certificate (DER, base64) where a trusted proxy ends the TLS connection; Node's own connection unless given. A
   * header that clients can send themselves makes a stolen token as good as before.
   */
  readonly certificate?: (c: Context) => string | undefined;
}

export interface HonoResource extends Omit<ProtectedResource, "requireOAuth" | "metadata"> {
  /** @example app.get("/profile", requireOAuth("profile"), (c) => c.json({ sub: c.var.token.sub })); */
  readonly requireOAuth: RequireOAuth;
  /**
   * Serves the RFC 9728 document. Needs the option `metadata`.
   *
   * @example app.use(metadata);
   */
  readonly metadata: MiddlewareHandler;
}

/** Creates the protection of one API; see `protectResource` in `@valetkey/resource`. */
export function protectResource(options: HonoOptions): HonoResource {
  const gate = createGate(options);
  const { certificate = certificateOfNode } = options;
  const requireOAuth = (first?: Scopes | RequireOptions, second?: RequireOptions): Middleware<Token | undefined> => {
    const requirement = readRequirement(first, second);
    return async (c, next) => {
      const presented = presentedByRequest(c.req.raw, () => certificate(c));
      const admission = await gate.admit(presented, requirement);
      if (admission.refusal !== undefined) return admission.refusal;
      c.set("token", admission.token);
      await next();
      for (const [name, value] of Object.entries(admission.headers)) c.header(name, value);
    };
  };
  const metadata: MiddlewareHandler = async (c, next) => gate.metadata(c.req.method, c.req.path) ?? next();
  return { ...byRequest(gate), requireOAuth: requireOAuth as RequireOAuth, metadata };
}

/** `@hono/node-server` puts Node's request into the environment. */
function certificateOfNode({ env }: Context): string | undefined {
  const { incoming } = (env ?? {}) as { incoming?: { socket?: CertificateSocket } };
  return certificateOfSocket(incoming?.socket);
}
