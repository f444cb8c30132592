/**
 * `/consent`: asks whether an app may have what it asks for.
 *
 * OpenID Connect Core §3.1.2.4, RFC 6749 §10.2. Guarantees that a decision counts only for the person the page was shown to,
 * and that nothing is allowed that the app did not ask for or the person did not leave ticked.
 */
import { formValues } from "@valetkey/protocol/form";
import { networkOf } from "@valetkey/provider/network";
import type { Answer, Interaction } from "@valetkey/provider/options";
import { type Context, Hono } from "hono";
import { ConsentForm } from "./consent-form.tsx";
import { showPage } from "./layout.tsx";
import { goToStep } from "./login.tsx";
import { PageProblem } from "./page-problem.ts";
import type { FormError } from "./parts.tsx";
import { answerStep, type Env, interactionOf, readOwnForm, type Site, showPerson } from "./site.ts";

export function consentPage(site: Site): Hono<Env> {
  const app = new Hono<Env>();

  app.get("/consent", async (c) => {
    const interaction = await interactionOf(site, c.req.raw, c.req.query("interaction") ?? "");
    if (interaction.step !== "consent") return goToStep(site, interaction);
    return show(site, c, interaction, []);
  });

  app.post("/consent", async (c) => {
    const request = c.req.raw;
    const form = await readOwnForm(site, request, ["scope"]);
    const id = c.req.query("interaction") ?? "";
    const answer = (given: Answer): Promise<Response> => answerStep(site, request, id, given);
    if (form.decision === "other") return answer({ step: "select_account", other: true });
    // Whatever is not a clear yes is a no, also when it is said twice.
    if (form.decision !== "allow") return answer({ step: "consent", decision: "deny" });
    const interaction = await interactionOf(site, request, id);
    if (interaction.step !== "consent") return goToStep(site, interaction);
    // Another account may have signed in in another tab: what Alice was shown is not Bob's to allow.
    if (form.subject !== interaction.subject) {
      return show(site, c, interaction, [{ message: "Another account is signed in now. Check it and decide again." }]);
    }
    const ticked = formValues(form, "scope");
    const scopes = interaction.scopes.map(({ scope }) => scope).filter((scope) => ticked.includes(scope));
    return answer({ step: "consent", decision: "allow", scopes });
  });

  return app;
}

async function show(
  site: Site,
  c: Context<Env>,
  interaction: Interaction,
  errors: readonly FormError[],
): Promise<Response> {
  const person = await showPerson(site, interaction.subject ?? "");
  if (person === undefined) throw new PageProblem("interaction_over");
  const { token, cookies } = site.csrf.issue(c.req.raw);
  return showPage(
    site,
    {
      title: `Allow ${interaction.client.client_name}?`,
      forms: "away",
      cookies,
      status: errors.length > 0 ? 409 : 200,
    },
    <ConsentForm look={site} view={{ interaction, person, token, errors, network: networkOf(c.env.peer.ip) }} />,
  );
}
