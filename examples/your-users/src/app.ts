/**
 * Your app becomes a provider: `find` and `verify` over the users you have, everything else is there.
 *
 * The whole of it is `createServer` and one `app.use`. The users below stand for your table.
 */

import { memoryStore } from "@valetkey/store/memory";
import { Hono } from "hono";
import { createServer } from "valetkey";
import { users } from "./users.ts";

/** Makes the app. `issuer` is where it is reached, `secret` has at least 32 characters. */
export async function makeApp({ issuer, secret }: { issuer: string; secret: string }) {
  const server = await createServer({
    issuer,
    secret,
    store: memoryStore(),
    accounts: {
      find: (id) => users.byId(id),
      verify: async (name, password) => {
        const id = await users.check(name, password);
        return id === undefined ? { ok: false } : { ok: true, subject: id };
      },
    },
    scopes: { "photos:read": "See your photos" },
    brand: { name: "Photo Album", accent: "#0b6e4f" },
  });
  // Expired entries go, old keys are rotated.
  setInterval(() => server.maintain().catch(console.error), 60_000).unref();
  const app = new Hono();
  app.use(async (c, next) => (await server.handle(c.req.raw)) ?? next());
  app.get("/", (c) => c.text("The rest of the app."));
  return { app, server };
}
