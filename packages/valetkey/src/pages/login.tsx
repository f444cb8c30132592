/**
 * `/login`: checks a password, with or without an app that waits.
 *
 * OpenID Connect Core §3.1.2.3; NIST SP 800-63B §3.2.2; RFC 9700 §4.12 (303). Guarantees that unknown, wrong and disabled look the
 * same, that an attempt counts before it is judged, and that every login makes a fresh session.
 */
import type { Interaction, Login } from "@valetkey/provider/options";
import { type Context, Hono } from "hono";
import { seeOther, showPage } from "./layout.tsx";
import { LoginForm, type LoginView } from "./login-form.tsx";
import type { FormError } from "./parts.tsx";
import { answerStep, type Env, interactionOf, pathOf, readOwnForm, type Site, showPerson, signedIn } from "./site.ts";
import { waitWords } from "./wait-words.ts";

/** Longest user name that is looked at. */
const maxName = 320;

export function loginPage(site: Site): Hono<Env> {
  const app = new Hono<Env>();

  app.get("/login", async (c) => {
    const interaction = await interactionIn(site, c);
    // Another step may have become the next one: the person went back, or signed in in another tab.
    if (interaction !== undefined && interaction.step !== "login") return goToStep(site, interaction);
    return show(site, c, interaction, { username: await suggestedName(site, interaction) });
  });

  app.post("/login", async (c) => {
    const request = c.req.raw;
    const form = await readOwnForm(site, request);
    const id = c.req.query("interaction");
    if (id !== undefined && form.action === "cancel") {
      return answerStep(site, request, id, { cancel: true });
    }
    const interaction = await interactionIn(site, c);
    const { username = "", password = "" } = form;
    const again = { username: username.slice(0, maxName), remember: form.remember === "yes" };
    const missing: FormError[] = [
      ...(username === "" ? [{ field: "username", message: "Enter your e-mail or user name." }] : []),
      ...(password === "" ? [{ field: "password", message: "Enter your password." }] : []),
    ];
    if (missing.length > 0) return show(site, c, interaction, { ...again, errors: missing, status: 422 });

    const judged = await judge(site, username, password, c.env.peer.ip);
    if (!judged.ok) return show(site, c, interaction, { ...again, ...judged.answer });
    const { subject, still } = judged;
    const login: Login = {
      subject,
      amr: ["pwd"],
      ...(site.acr === undefined ? {} : { acr: site.acr }),
      remember: again.remember,
      ...(still === undefined ? {} : { still }),
    };
    if (interaction === undefined) {
      return seeOther(site, pathOf(site, "/account"), await site.provider.sessions.start(request, login));
    }
    return answerStep(site, request, interaction.id, { step: "login", ...login });
  });

  return app;
}

interface Again {
  readonly username?: string | undefined;
  readonly remember?: boolean;
  readonly errors?: readonly FormError[];
  readonly status?: number;
  /** Seconds. */
  readonly retryAfter?: number;
}

async function show(
  site: Site,
  c: Context<Env>,
  interaction: Interaction | undefined,
  again: Again,
): Promise<Response> {
  const request = c.req.raw;
  const { token, cookies } = site.csrf.issue(request);
  const { errors = [], status = 200, retryAfter, username, remember = false } = again;
  const view: LoginView = {
    interaction,
    token,
    username,
    remember,
    errors,
    empty: (await site.directory?.empty()) ?? false,
    passwordSet: errors.length === 0 && c.req.query("notice") === "password-set",
    already: interaction === undefined ? (await signedIn(site, request))?.person : undefined,
  };
  const headers = retryAfter === undefined ? {} : { "Retry-After": String(retryAfter) };
  return showPage(
    site,
    { title: "Sign in", forms: "away", status, cookies, headers },
    <LoginForm look={site} view={view} />,
  );
}

type Judged =
  | { readonly ok: true; readonly subject: string; readonly still?: () => Promise<boolean> }
  | { readonly ok: false; readonly answer: Again };

async function judge(site: Site, name: string, password: string, ip: string | undefined): Promise<Judged> {
  const wait = await site.attempts.begin(name, ip);
  if (wait > 0) return refuse(`Too many attempts. Try again ${waitWords(wait)}.`, 429, wait);
  // A name longer than any there is still costs what a wrong password costs, in time and in the count.
  const verified = await site.accounts.verify(name.slice(0, maxName), password);
  if (verified.ok) {
    await site.attempts.settle(name, ip, "right");
    return verified;
  }
  if ("reason" in verified && verified.reason === "unavailable") {
    await site.attempts.settle(name, ip, "not judged");
    const words = waitWords(verified.retryAfter);
    return refuse(`Too many people are signing in right now. Try again ${words}.`, 503, verified.retryAfter);
  }
  site.log.info({ event: "sign-in.refused", ip }, "a sign-in attempt was wrong");
  return refuse("That e-mail or user name and password do not match an account here. Check both and try again.", 422);
}

function refuse(message: string, status: number, retryAfter?: number): Judged {
  return {
    ok: false,
    answer: { errors: [{ message }], status, ...(retryAfter === undefined ? {} : { retryAfter }) },
  };
}

async function interactionIn(site: Site, c: Context<Env>): Promise<Interaction | undefined> {
  const id = c.req.query("interaction");
  return id === undefined ? undefined : interactionOf(site, c.req.raw, id);
}

/** What the app hinted at, or who has to sign in again. */
async function suggestedName(site: Site, interaction: Interaction | undefined): Promise<string | undefined> {
  if (interaction === undefined) return undefined;
  if (interaction.login_hint !== undefined) return interaction.login_hint.slice(0, maxName);
  const [current] = interaction.again ? interaction.sessions : [];
  return current === undefined ? undefined : (await showPerson(site, current.subject))?.email;
}

/** Answers with a redirect to the page that asks the next step, or to where the app gets its answer if there is none. */
export function goToStep(site: Site, interaction: Interaction): Response {
  const pages = { login: "/login", select_account: "/select-account", consent: "/consent" } as const;
  // Where accounts are made is a page of the application: the authorization endpoint knows it.
  if (interaction.step === "create" || interaction.step === "answer") {
    const url = new URL(site.provider.metadata.authorization_endpoint ?? site.issuer);
    url.searchParams.set("interaction", interaction.id);
    return seeOther(site, url.href);
  }
  return seeOther(site, pathOf(site, pages[interaction.step], { interaction: interaction.id }));
}
