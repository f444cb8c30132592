/**
 * protectResource for Fastify 5: `requireOAuth` is a hook that sets `request.token`.
 *
 * Imports types only: Fastify is the application's dependency, not ours. Guarantees that the check comes before the body is read, if it
 * is an `onRequest` hook, and that refusals are sent by Fastify, with the headers other plugins add.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { byRequest } from "./lib/by-request.ts";
import { createGate } from "./lib/gate.ts";
import { certificateOfSocket, presentedByNode } from "./lib/presented.ts";
import type { ProtectedResource, RequireOptions, ResourceOptions } from "./protect.ts";
import { readRequirement } from "./requirement.ts";
import type { Scopes, Token } from "./token.ts";

export { type ResourceOptions, type Scopes, subjectKey, type Token } from "./protect.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** What `requireOAuth` found; nothing where it was optional and absent. */
    token?: Token;
  }
}

export type Hook = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply | undefined>;

export interface FastifyOptions extends ResourceOptions {
  /**
   * Gives the client's certificate (DER, base64) where a trusted proxy ends the TLS connection; the connection's own unless given. A
   * header that clients can send themselves makes a stolen token as good as before.
   */
  readonly certificate?: (request: FastifyRequest) => string | undefined;
}

export interface FastifyResource extends Omit<ProtectedResource, "requireOAuth" | "metadata"> {
  /** @example app.get("/profile", { onRequest: requireOAuth("profile") }, async (request) => ({ sub: tokenOf(request).sub })); */
  requireOAuth(scopes?: Scopes | RequireOptions, options?: RequireOptions): Hook;
  /**
   * Serves the RFC 9728 document, as a plugin. Needs the option `metadata`.
   *
   * @example await app.register(metadata);
   */
  readonly metadata: (app: FastifyInstance) => Promise<void>;
}

/** Creates the protection of one API; see `protectResource` in `@valetkey/resource`. */
export function protectResource(options: FastifyOptions): FastifyResource {
  const gate = createGate(options);
  const { certificate = ({ socket }) => certificateOfSocket(socket) } = options;
  const requireOAuth = (first?: Scopes | RequireOptions, second?: RequireOptions): Hook => {
    const requirement = readRequirement(first, second);
    return async (request, reply) => {
      const admission = await gate.admit(
        presentedByNode(request, () => certificate(request)),
        requirement,
      );
      if (admission.refusal !== undefined) return send(reply, admission.refusal);
      reply.headers(admission.headers);
      if (admission.token !== undefined) request.token = admission.token;
      return undefined;
    };
  };
  const plugin = async (app: FastifyInstance): Promise<void> => {
    app.addHook("onRequest", async ({ method, originalUrl }, reply) => {
      const answer = gate.metadata(method, originalUrl.split("?", 1)[0] ?? "");
      return answer === undefined ? undefined : send(reply, answer);
    });
  };
  // For the whole application, not for a scope of its own: what the package fastify-plugin does.
  const metadata = Object.assign(plugin, {
    [Symbol.for("skip-override")]: true,
    [Symbol.for("fastify.display-name")]: "valetkey-resource-metadata",
  });
  return { ...byRequest(gate), requireOAuth, metadata };
}

/** Gives the token of a request that went through `requireOAuth`. Where it was optional, read `request.token`. */
export function tokenOf({ token }: FastifyRequest): Token {
  if (token === undefined) throw new Error("no token: the route needs requireOAuth()");
  return token;
}

async function send(reply: FastifyReply, answer: Response): Promise<FastifyReply> {
  const text = await answer.text();
  return reply.code(answer.status).headers(Object.fromEntries(answer.headers)).send(text);
}
