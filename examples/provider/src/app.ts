/**
 * The guide "your own app as a provider", step by step, in Express 5: register a client, authorize with a login and a consent
 * form of your own, exchange the code, refresh, protect an API by scope, handle errors.
 */
import { sendResponse, toRequest } from "@valetkey/protocol/node-http";
import type { Provider } from "@valetkey/provider";
import { nodeHandler } from "@valetkey/provider/node";
import type { Answer } from "@valetkey/provider/options";
import { protectResource } from "@valetkey/resource/node";
import express, { type Express, type NextFunction, type Request, type Response } from "express";
import { consentForm, errorPage, loginForm } from "./forms.ts";
import { users } from "./users.ts";

export function makeApp(provider: Provider): Express {
  const app = express();
  app.disable("x-powered-by");
  app.use(express.urlencoded({ extended: false, limit: "64kb" }));

  // 4, 5, 6. /oauth/authorize, /oauth/token (codes and refresh tokens), /oauth/register, discovery, keys …
  app.use(nodeHandler(provider));

  const web = (req: Request) => toRequest(req, { origin: provider.issuer });
  const answer = async (req: Request, res: Response, what: Answer) =>
    sendResponse(res, await provider.interactions.answer(web(req), String(req.query.interaction), what));

  // 9. Your login page. Who signed in is told to the provider, which keeps the session.
  app.get("/login", async (req, res) => {
    const interaction = await provider.interactions.find(web(req), String(req.query.interaction));
    if (interaction === undefined) return gone(res);
    res.send(loginForm(interaction));
  });
  app.post("/login", async (req, res) => {
    const interaction = await provider.interactions.find(web(req), String(req.query.interaction));
    if (interaction === undefined) return gone(res);
    const { email = "", password = "" } = req.body as Record<string, string>;
    const subject = await users.verify(String(email), String(password));
    if (subject === undefined)
      return void res.status(400).send(loginForm(interaction, "That e-mail and password do not fit."));
    await answer(req, res, { step: "login", subject, amr: ["pwd"] });
  });

  // 4, 10. Your consent form: what was left ticked is granted, nothing else.
  app.get("/authorize-form", async (req, res) => {
    const interaction = await provider.interactions.find(web(req), String(req.query.interaction));
    if (interaction === undefined) return gone(res);
    res.send(consentForm(interaction, users.find(interaction.subject ?? "")));
  });
  app.post("/authorize-form", async (req, res) => {
    const { decision, scope = [] } = req.body as { decision?: string; scope?: string | string[] };
    if (decision !== "allow") return answer(req, res, { step: "consent", decision: "deny" });
    await answer(req, res, { step: "consent", decision: "allow", scopes: ["openid", ...[scope].flat()] });
  });

  // 7. An API of this app, protected by scope. The tokens are its own, so no request is needed to check them.
  const { requireOAuth } = protectResource({
    issuer: provider.issuer,
    audience: provider.issuer,
    read: provider.tokens.read,
  });
  app.get("/api/protected", requireOAuth("profile"), (_req, res) => {
    res.json({ msg: "This is a protected resource" });
  });
  app.get("/api/photos", requireOAuth("profile photos:read"), (_req, res) => {
    res.json({ photos: [] });
  });

  // 11. Errors: what the protocol foresees is answered above; everything else ends here.
  app.use((_req, res) => void res.status(404).json({ error: "not_found" }));
  app.use((error: unknown, _req: Request, res: Response, _next: NextFunction) => {
    const status = typeof error === "object" && error !== null && "status" in error ? Number(error.status) : 500;
    if (status >= 500) console.error(error);
    res.status(status).json({ error: status >= 500 ? "server_error" : "bad_request" });
  });
  return app;
}

function gone(res: Response): void {
  res.status(400).send(errorPage("This page has expired", "Go back to the app you came from and sign in again."));
}
