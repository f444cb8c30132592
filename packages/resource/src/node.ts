/**
 * protectResource for Express and for bare `node:http`: `requireOAuth` is a `(req, res, next)` that sets `req.token`.
 *
 * Types are structural: nothing of Node or Express is imported. Guarantees that the request's body is not touched.
 */
import { type NodeRequest, type NodeResponse, sendResponse } from "@valetkey/protocol/node-http";
import { byRequest } from "./lib/by-request.ts";
import { createGate } from "./lib/gate.ts";
import { type MetadataMiddleware, nodeMetadata } from "./lib/node-metadata.ts";
import { type CertificateSocket, certificateOfSocket, presentedByNode } from "./lib/presented.ts";
import type { ProtectedResource, RequireOptions, ResourceOptions } from "./protect.ts";
import { readRequirement } from "./requirement.ts";
import type { Scopes, Token } from "./token.ts";

export { type ResourceOptions, type Scopes, subjectKey, type Token } from "./protect.ts";

/** Node's request: what `requireOAuth` reads, and what it leaves on it. */
export interface CheckedRequest extends NodeRequest {
  readonly socket?: CertificateSocket;
  token?: Token;
}

export type Middleware = (req: CheckedRequest, res: NodeResponse, next: (error?: unknown) => unknown) => Promise<void>;

export interface NodeOptions extends ResourceOptions {
  /**
   * Gives the client's certificate (DER, base64) where a trusted proxy ends the TLS connection; the connection's own unless given. A
   * header that clients can send themselves makes a stolen token as good as before.
   */
  readonly certificate?: (req: CheckedRequest) => string | undefined;
}

export interface NodeResource extends Omit<ProtectedResource, "requireOAuth" | "metadata"> {
  /** @example app.get("/profile", requireOAuth("profile"), (req, res) => res.json({ sub: tokenOf(req)?.sub })); */
  requireOAuth(scopes?: Scopes | RequireOptions, options?: RequireOptions): Middleware;
  /**
   * Serves the RFC 9728 document. Needs the option `metadata`.
   *
   * @example app.use(metadata);
   */
  readonly metadata: MetadataMiddleware;
}

/** Creates the protection of one API; see `protectResource` in `@valetkey/resource`. */
export function protectResource(options: NodeOptions): NodeResource {
  const gate = createGate(options);
  const { certificate = ({ socket }) => certificateOfSocket(socket) } = options;
  const requireOAuth = (first?: Scopes | RequireOptions, second?: RequireOptions): Middleware => {
    const requirement = readRequirement(first, second);
    return async (req, res, next) => {
      try {
        const admission = await gate.admit(
          presentedByNode(req, () => certificate(req)),
          requirement,
        );
        if (admission.refusal !== undefined) return await sendResponse(res, admission.refusal);
        for (const [name, value] of Object.entries(admission.headers)) res.setHeader(name, value);
        if (admission.token !== undefined) req.token = admission.token;
      } catch (e) {
        next(e);
        return;
      }
      await next();
    };
  };
  return { ...byRequest(gate), requireOAuth, metadata: nodeMetadata(gate) };
}

/** Gives the token of a request that went through `requireOAuth`; nothing where it was optional and absent. */
export function tokenOf(req: CheckedRequest): Token | undefined {
  return req.token;
}
