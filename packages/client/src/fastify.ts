/**
 * Sign-in for Fastify 5, as a plugin.
 *
 * Imports types only: Fastify is the application's dependency, not ours. The routes are answered before bodies are parsed, so
 * that parsers and their limits stay the application's own business.
 */
import { sendResponse, toRequest } from "@valetkey/protocol/node-http";
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from "fastify";
import type { Auth, GuardOptions, OAuth } from "./create-oauth.ts";
import { headOf, originOf } from "./lib/node-head.ts";
import { outage } from "./lib/outage.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Who is signed in; `null`: nobody. */
    auth: Auth | null;
    oauth: OAuth | null;
  }
}

/**
 * Serves `/auth/*` and sets `request.auth` to who is signed in, or `null`. While that cannot be known it answers 503. Where
 * `auth.fetch` throws because the permission has ended, people are sent to sign in and back, and programs get 401: on routes
 * that are added after this plugin.
 *
 * @example await app.register(valetkey(oauth));
 */
export function valetkey(oauth: OAuth): (app: FastifyInstance) => Promise<void> {
  const plugin = async (app: FastifyInstance): Promise<void> => {
    app.decorateRequest("auth", null);
    app.decorateRequest("oauth", null);
    app.addHook("onRequest", async (request, reply) => {
      const origin = originOf(oauth, request);
      const head = headOf(request, origin);
      if (oauth.owns(new URL(head.url).pathname)) {
        const answer = await oauth.handle(toRequest(request, { origin, response: reply.raw }));
        if (answer !== undefined) return send(reply, answer);
      }
      request.oauth = oauth;
      try {
        request.auth = await oauth.session(head);
      } catch (e) {
        return send(reply, outage(e));
      }
    });
    app.addHook("onRoute", (route: RouteOptions) => {
      const own = route.errorHandler;
      route.errorHandler = async function again(error, request, reply) {
        const answer = await oauth.recover(headOf(request, originOf(oauth, request)), error);
        if (answer !== undefined) return send(reply, answer);
        // What is thrown here goes on to the error handler of the application.
        if (own === undefined) throw error;
        return own.call(this, error, request, reply);
      };
    });
  };
  // For the whole application, not for a scope of its own: what the package fastify-plugin does.
  return Object.assign(plugin, {
    [Symbol.for("skip-override")]: true,
    [Symbol.for("fastify.display-name")]: "valetkey",
  });
}

/**
 * Lets only signed-in people through: others are sent to sign in and come back here, programs get 401.
 *
 * @example app.get("/settings", { preHandler: requireUser({ maxAge: "10m" }) }, settings);
 */
export function requireUser(
  needs: GuardOptions = {},
): (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply | undefined> {
  return async (request, reply) => {
    const { oauth, auth } = request;
    if (oauth === null || oauth === undefined) {
      throw new Error("requireUser() needs await app.register(valetkey(oauth)) before it");
    }
    const refusal = oauth.guard(headOf(request, originOf(oauth, request)), auth, needs);
    return refusal === undefined ? undefined : send(reply, refusal);
  };
}

/** Tells who is signed in on a request that went through `requireUser`. */
export function authOf({ auth }: FastifyRequest): Auth {
  if (auth === null || auth === undefined) throw new Error("nobody is signed in: the route needs requireUser()");
  return auth;
}

async function send(reply: FastifyReply, answer: Response): Promise<FastifyReply> {
  reply.hijack();
  await sendResponse(reply.raw, answer);
  return reply;
}
