/**
 * The old service: a small OAuth 1.0a provider with a timeline, so that the example runs without an account anywhere. It has one
 * client and one user, who is always signed in; everything it knows is in memory.
 */
import { isOAuthError } from "@valetkey/protocol/errors";
import { createId, randomToken } from "@valetkey/protocol/random";
import { type Context, Hono } from "hono";
import { html } from "hono/html";
import { Refused, type Registered, type Temporary, verifyRequest } from "./verify-request.ts";

export function makeBird(client: Registered, now: () => number = Date.now): Hono {
  const temporary = new Map<string, Temporary>();
  const tokens = new Map<string, string>();
  const statuses = [{ id: createId(now()), text: "Hello from 2010" }];
  const nonces = new Map<string, number>();
  const app = new Hono();
  app.onError((e, c) => {
    if (e instanceof Refused) return c.body(`oauth_problem=${e.problem}`, e.status);
    // Parameters that cannot be read.
    return isOAuthError(e, "invalid_request") ? c.text(e.description, 400) : c.text("error", 500);
  });

  const form = (c: Context, values: Record<string, string>) =>
    c.body(new URLSearchParams(values).toString(), 200, { "Content-Type": "application/x-www-form-urlencoded" });
  const verify = (c: Context, secretOf: (token: string) => string | undefined) =>
    verifyRequest(c.req.raw, { client, secretOf, nonces, now: now() });

  // RFC 5849 §2.1: temporary credentials, bound to a registered callback.
  app.post("/oauth/request_token", async (c) => {
    const { oauth_callback = "" } = (await verify(c, () => undefined)).protocol;
    if (oauth_callback !== "oob" && oauth_callback !== client.callback) throw new Refused("parameter_rejected", 400);
    const [oauth_token, oauth_token_secret] = [randomToken(18), randomToken(18)];
    temporary.set(oauth_token, { secret: oauth_token_secret, callback: oauth_callback, expiresAt: now() + 600_000 });
    return form(c, { oauth_token, oauth_token_secret, oauth_callback_confirmed: "true" });
  });

  const find = (token: unknown): Temporary | undefined => {
    const found = temporary.get(String(token));
    return found !== undefined && found.expiresAt > now() ? found : undefined;
  };

  // §2.2: the person allows it, or not.
  app.get("/oauth/authorize", (c) => {
    const token = c.req.query("oauth_token");
    if (find(token)?.verifier !== undefined || find(token) === undefined)
      return c.text("This link is not good any more.", 400);
    c.header("Content-Security-Policy", "frame-ancestors 'none'");
    return c.html(html`<!doctype html><html lang="en"><title>Bird</title><h1>Allow ${client.name}?</h1>
      <form method="post"><input type="hidden" name="oauth_token" value="${token}" />
      <button name="decision" value="deny">Deny</button> <button name="decision" value="allow">Allow</button></form></html>`);
  });
  app.post("/oauth/authorize", async (c) => {
    if ((c.req.header("sec-fetch-site") ?? "same-origin") !== "same-origin")
      return c.text("Sent from another site.", 403);
    const { oauth_token, decision } = await c.req.parseBody();
    const found = find(oauth_token);
    if (found === undefined || found.verifier !== undefined) return c.text("This link is not good any more.", 400);
    const allowed = decision === "allow";
    if (!allowed) temporary.delete(String(oauth_token));
    else found.verifier = randomToken(18);
    if (found.callback === "oob") return c.text(allowed ? `Type this code: ${found.verifier}` : "Nothing was allowed.");
    const back = new URL(found.callback);
    if (!allowed) back.searchParams.set("denied", String(oauth_token));
    else {
      back.searchParams.set("oauth_token", String(oauth_token));
      back.searchParams.set("oauth_verifier", found.verifier ?? "");
    }
    return c.redirect(back.href, 303);
  });

  // §2.3: verifier and temporary credentials become a token, once.
  app.post("/oauth/access_token", async (c) => {
    const { oauth_token = "", oauth_verifier } = (await verify(c, (token) => find(token)?.secret)).protocol;
    const found = find(oauth_token);
    temporary.delete(oauth_token);
    if (found?.verifier === undefined || found.verifier !== oauth_verifier) throw new Refused("verifier_invalid", 401);
    const [token, secret] = [randomToken(18), randomToken(18)];
    tokens.set(token, secret);
    return form(c, { oauth_token: token, oauth_token_secret: secret, user_id: "7", screen_name: "robin" });
  });

  // §3: the API takes signed requests only.
  const signed = (c: Context) => verify(c, (token) => tokens.get(token));
  app.get("/1.1/account/verify_credentials.json", async (c) => {
    await signed(c);
    return c.json({ id_str: "7", name: "Robin" });
  });
  app.get("/1.1/statuses/home_timeline.json", async (c) => {
    await signed(c);
    return c.json(statuses.slice(0, Number(c.req.query("count") ?? 20)));
  });
  app.post("/1.1/statuses/update.json", async (c) => {
    const { status } = (await signed(c)).form;
    if (!status) return c.json({ error: "status is missing" }, 400);
    statuses.unshift({ id: createId(now()), text: status });
    return c.json(statuses[0]);
  });
  return app;
}
