/** Sign-in in Express 5. */
import { authOf, requireUser, signInAgain, valetkey } from "@valetkey/client/express";
import express from "express";
import { api, oauth, port, ready } from "./oauth.ts";
import { page } from "./page.ts";

const app = express().use(valetkey(oauth));

app.get("/", (req, res) => void res.send(page(authOf(req)?.user)));
app.get("/me", requireUser(), (req, res) => void res.send(page(authOf(req)?.user)));
app.get("/call", requireUser(), async (req, res) => {
  const auth = authOf(req);
  const answer = await auth?.fetch("acme", api);
  res.send(page(auth?.user, await answer?.json()));
});
app.use(signInAgain());

app.listen(port, "localhost", ready);
