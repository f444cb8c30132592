/**
 * The same provider in other frameworks: each is one line or two.
 */
import { createServer, type Server } from "node:http";
import { getConnInfo } from "@hono/node-server/conninfo";
import type { Provider } from "@valetkey/provider";
import { nodeHandler } from "@valetkey/provider/node";
import { type FastifyInstance, fastify } from "fastify";
import { Hono } from "hono";

/** Hono, on any runtime; the address of the caller is known on Node. */
export function inHono(provider: Provider): Hono {
  const app = new Hono();
  app.use(async (c, next) => (await provider.handle(c.req.raw, { ip: getConnInfo(c).remote.address })) ?? next());
  app.get("/", (c) => c.text("the rest of the app"));
  return app;
}

/** Fastify: the provider reads bodies itself, so they are left alone on its routes. */
export async function inFastify(provider: Provider): Promise<FastifyInstance> {
  const app = fastify();
  const handle = nodeHandler(provider);
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
    scope.all("/*", async (request, reply) => {
      reply.hijack();
      await handle(request.raw, reply.raw);
    });
  });
  app.get("/", async () => "the rest of the app");
  return app;
}

/** Nothing but Node. */
export function inNode(provider: Provider): Server {
  const handle = nodeHandler(provider);
  return createServer((req, res) => handle(req, res, () => res.end("the rest of the app")));
}
