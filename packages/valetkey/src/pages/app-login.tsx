/**
 * The login step where the embedding application signs people in: there and back again.
 *
 * OpenID Connect Core §3.1.2.1 and §3.1.2.3. `/interaction?interaction=<id>` goes to the application's login page with `returnTo`
 * and, where the person must prove to be there or choose, `prompt`, and `acr_values` where the client asked for some; `/interaction/<id>/return` takes them back. Guarantees that only
 * the person the application's own session names is taken for signed in.
 */
import { Hono } from "hono";
import type { AppSession } from "../app-session.ts";
import { withPageHeaders } from "../page-headers.ts";
import { seeOther } from "./layout.tsx";
import { goToStep } from "./login.tsx";
import { PageProblem } from "./page-problem.ts";
import { type Env, interactionOf, pathOf, type Site } from "./site.ts";

/** Where the provider sends browsers for the login and the select-account step. */
export const appLoginPath = "/interaction";

export function appLogin(site: Site, session: AppSession, loginUrl: string): Hono<Env> {
  const app = new Hono<Env>();

  app.get(appLoginPath, async (c) => {
    const interaction = await interactionOf(site, c.req.raw, c.req.query("interaction") ?? "");
    if (interaction.step === "consent" || interaction.step === "answer") return goToStep(site, interaction);
    const prompt = interaction.step === "select_account" ? "select_account" : interaction.again && "login";
    return toLogin(interaction.id, prompt, interaction.acr);
  });

  app.get(`${appLoginPath}/:id/return`, async (c) => {
    const { id } = c.req.param();
    const interaction = await interactionOf(site, c.req.raw, id);
    const current = await session.find(c.req.raw);
    if (current === undefined) return toLogin(interaction.id, false, interaction.acr);
    // §3.1.2.1: who is asked to sign in again has not done so by coming back. Times on the wire are whole seconds.
    const at = await session.signedInAt(c.req.raw);
    if (interaction.again && (at === undefined || at < Math.floor(interaction.createdAt / 1000) * 1000)) {
      throw new PageProblem("sign_in_again");
    }
    const login = { step: "login", subject: current.subject } as const;
    return withPageHeaders(await site.provider.interactions.answer(c.req.raw, id, login), site.https, "away");
  });

  const toLogin = (id: string, prompt: string | false, acr: readonly string[]): Response => {
    const url = new URL(loginUrl, site.issuer);
    const back = pathOf(site, `${appLoginPath}/${encodeURIComponent(id)}/return`);
    url.searchParams.set("returnTo", new URL(site.issuer).origin + back);
    if (prompt !== false) url.searchParams.set("prompt", prompt);
    // RFC 9470 §5: what would do, so that the application can ask for it.
    if (acr.length > 0) url.searchParams.set("acr_values", acr.join(" "));
    return seeOther(site, url.href);
  };

  return app;
}
