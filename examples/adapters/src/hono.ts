/** Sign-in in Hono. */
import { createAdaptorServer } from "@hono/node-server";
import { requireUser, valetkey } from "@valetkey/client/hono";
import { Hono } from "hono";
import { api, oauth, port, ready } from "./oauth.ts";
import { page } from "./page.ts";

const app = new Hono().use(valetkey(oauth));

app.get("/", (c) => c.html(page(c.var.auth?.user)));
app.get("/me", requireUser(), (c) => c.html(page(c.var.auth.user)));
app.get("/call", requireUser(), async (c) => {
  const answer = await c.var.auth.fetch("acme", api);
  return c.html(page(c.var.auth.user, await answer.json()));
});

createAdaptorServer({ fetch: app.fetch }).listen(port, "localhost", ready);
