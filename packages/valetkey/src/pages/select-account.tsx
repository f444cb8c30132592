/**
 * `/select-account`: which of the accounts signed in in this browser to go on with (OpenID Connect Core §3.1.2.1).
 *
 * Guarantees nothing by itself: the provider checks that the session picked is one this browser holds.
 */
import type { Answer, Interaction } from "@valetkey/provider/options";
import { Hono } from "hono";
import { showPage } from "./layout.tsx";
import { goToStep } from "./login.tsx";
import { ToContinue } from "./login-form.tsx";
import { Person, Token } from "./parts.tsx";
import {
  answerStep,
  type Env,
  interactionOf,
  type Look,
  readOwnForm,
  type Shown,
  type Site,
  showPerson,
  stepPath,
} from "./site.ts";

export function selectAccountPage(site: Site): Hono<Env> {
  const app = new Hono<Env>();

  app.get("/select-account", async (c) => {
    const interaction = await interactionOf(site, c.req.raw, c.req.query("interaction") ?? "");
    if (interaction.step !== "select_account") return goToStep(site, interaction);
    const { token, cookies } = site.csrf.issue(c.req.raw);
    const accounts = await Promise.all(
      interaction.sessions.map(async ({ sid, subject }) => ({ sid, person: await showPerson(site, subject) })),
    );
    return showPage(
      site,
      { title: "Choose an account", forms: "away", cookies },
      <Choice look={site} interaction={interaction} token={token} accounts={accounts} />,
    );
  });

  app.post("/select-account", async (c) => {
    const form = await readOwnForm(site, c.req.raw);
    const answer: Answer =
      form.action === "cancel"
        ? { cancel: true }
        : form.sid === undefined
          ? { step: "select_account", other: true }
          : { step: "select_account", sid: form.sid };
    return answerStep(site, c.req.raw, c.req.query("interaction") ?? "", answer);
  });

  return app;
}

interface ChoiceProps {
  readonly look: Look;
  readonly interaction: Interaction;
  readonly token: string;
  readonly accounts: readonly { readonly sid: string; readonly person: Shown | undefined }[];
}

function Choice({ look, interaction, token, accounts }: ChoiceProps) {
  return (
    <div class="card">
      <h1 id="title">Choose an account</h1>
      <ToContinue interaction={interaction} />
      <form method="post" action={stepPath(look, "/select-account", interaction)}>
        <Token token={token} />
        <ul class="choices">
          {accounts.map(
            ({ sid, person }) =>
              person !== undefined && (
                <li>
                  <button class="choice" type="submit" name="sid" value={sid}>
                    <Person person={person} />
                  </button>
                </li>
              ),
          )}
        </ul>
        <div class="buttons stacked">
          <button id="other" type="submit" name="action" value="other">
            Use another account
          </button>
          <button id="cancel" class="quiet" type="submit" name="action" value="cancel">
            Cancel and go back
          </button>
        </div>
      </form>
    </div>
  );
}
