/** Sign-in in Fastify 5. */
import { authOf, requireUser, valetkey } from "@valetkey/client/fastify";
import { fastify } from "fastify";
import { api, oauth, port, ready } from "./oauth.ts";
import { page, type } from "./page.ts";

const app = fastify();
await app.register(valetkey(oauth));
const signedIn = { preHandler: requireUser() };

app.get("/", (request, reply) => reply.type(type).send(page(request.auth?.user)));
app.get("/me", signedIn, (request, reply) => reply.type(type).send(page(authOf(request).user)));
app.get("/call", signedIn, async (request, reply) => {
  const auth = authOf(request);
  const answer = await auth.fetch("acme", api);
  return reply.type(type).send(page(auth.user, await answer.json()));
});

await app.listen({ port, host: "localhost" });
ready();
