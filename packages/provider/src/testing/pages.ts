/**
 * The few pages people see at the test server: signing in, choosing an account, allowing, signing out.
 *
 * Their forms have the ids, names and values of the real server's pages, so that a script for a browser which works here works
 * there. They look like nothing, on purpose.
 */
import { isOAuthError } from "@valetkey/protocol/errors";
import { type Form, formValues, readForm } from "@valetkey/protocol/form";
import { defaultErrorPage } from "../error-page.ts";
import { escapeHtml } from "../lib/plain-page.ts";
import { framesPage } from "../logout/frames-page.ts";
import type { Answer, Interaction, Provider } from "../options.ts";
import type { TestUser } from "../testing.ts";

/** Answers the pages; nothing for any other path. */
export async function answerPage(
  provider: Provider,
  users: ReadonlyMap<string, TestUser>,
  request: Request,
): Promise<Response | undefined> {
  const url = new URL(request.url);
  const path = url.pathname.slice(new URL(provider.issuer).pathname.replace(/\/$/, "").length);
  const site: Site = { provider, users, request, url };
  const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
  if (page === undefined) return undefined;
  try {
    return await page(site, request.method === "POST" ? await readForm(request, { repeatable: ["scope"] }) : undefined);
  } catch (error) {
    if (!isOAuthError(error)) throw error;
    return defaultErrorPage(request, { error: error.error, description: error.description, status: error.status });
  }
}

interface Site {
  readonly provider: Provider;
  readonly users: ReadonlyMap<string, TestUser>;
  readonly request: Request;
  readonly url: URL;
}

/** A page, or what its form does. */
type Page = (site: Site, form: Form | undefined) => Promise<Response>;

const pages: Readonly<Record<string, Page>> = {
  "/login": async (site, form) => {
    const interaction = await interactionOf(site);
    if (form === undefined) return show("Sign in", loginForm(interaction, ""));
    if (form.action === "cancel") return answer(site, { cancel: true });
    const user = find(site, form.username ?? "");
    if (user === undefined) {
      const known = [...site.users.keys()].join(", ") || "nobody";
      const problem = `<p id="problem">There is no user ${escapeHtml(form.username ?? "")}. The test server knows ${escapeHtml(known)}.</p>`;
      return show("Sign in", problem + loginForm(interaction, form.username ?? ""), 422);
    }
    if (user.password !== undefined && form.password !== user.password) {
      const problem = '<p id="problem">That is not the password.</p>';
      return show("Sign in", problem + loginForm(interaction, form.username ?? ""), 422);
    }
    return answer(site, { step: "login", subject: user.sub, amr: ["pwd"], remember: form.remember === "yes" });
  },

  "/select-account": async (site, form) => {
    const interaction = await interactionOf(site);
    if (form?.action === "cancel") return answer(site, { cancel: true });
    if (form?.action === "other") return answer(site, { step: "select_account", other: true });
    if (form?.sid !== undefined) return answer(site, { step: "select_account", sid: form.sid });
    const choices = interaction.sessions.map(
      ({ sid, subject }) =>
        `<button name="sid" value="${escapeHtml(sid)}" data-subject="${escapeHtml(subject)}">${escapeHtml(subject)}</button>`,
    );
    const more = `${button("other", "action", "other", "Use another account")}${button("cancel", "action", "cancel", "Cancel")}`;
    return show("Choose an account", `<form method="post">${choices.join("")}${more}</form>`);
  },

  "/consent": async (site, form) => {
    const interaction = await interactionOf(site);
    if (form === undefined) return show(`Allow ${interaction.client.client_name}?`, consentForm(interaction));
    if (form.decision === "other") return answer(site, { step: "select_account", other: true });
    if (form.decision !== "allow") return answer(site, { step: "consent", decision: "deny" });
    return answer(site, { step: "consent", decision: "allow", scopes: formValues(form, "scope") });
  },

  "/logout": async ({ provider, request, url }, form) => {
    const id = url.searchParams.get("logout") ?? "";
    const logout = await provider.logouts.find(request, id);
    if (logout === undefined) return show("You are signed out", "");
    if (logout.frames !== undefined) return framesPage(logout, { done: `${url.pathname}?done=1` });
    if (form !== undefined) return provider.logouts.answer(request, id, { confirm: form.decision === "confirm" });
    const buttons = `${button("stay", "decision", "stay", "Stay signed in")}${button("confirm", "decision", "confirm", "Sign out")}`;
    return show("Sign out?", `<form method="post">${buttons}</form>`);
  },
};

async function interactionOf({ provider, request, url }: Site): Promise<Interaction> {
  const id = url.searchParams.get("interaction") ?? "";
  const found = await provider.interactions.find(request, id);
  if (found !== undefined) return found;
  // Says what is wrong in the words the provider has for it.
  await provider.interactions.answer(request, id, { cancel: true });
  throw new Error("an interaction that is not there was answered");
}

const answer = ({ provider, request, url }: Site, given: Answer): Promise<Response> =>
  provider.interactions.answer(request, url.searchParams.get("interaction") ?? "", given);

/** By `sub`, or by what else people sign in with. */
const find = ({ users }: Site, name: string): TestUser | undefined =>
  users.get(name) ?? [...users.values()].find((user) => user.email === name || user.preferred_username === name);

const loginForm = ({ client, login_hint = "" }: Interaction, username: string): string =>
  `<p>to continue to ${escapeHtml(client.client_name)}</p>
<form method="post">
<label for="username">User</label> <input id="username" name="username" value="${escapeHtml(username || login_hint)}">
<label for="password">Password</label> <input id="password" name="password" type="password">
<input type="checkbox" id="remember" name="remember" value="yes"> <label for="remember">Stay signed in</label>
${button("submit", "action", "login", "Sign in")}${button("cancel", "action", "cancel", "Cancel")}
</form>`;

const consentForm = ({ subject = "", scopes, resource }: Interaction): string =>
  `<p>You are ${escapeHtml(subject)}.${resource.length === 0 ? "" : ` For use at ${escapeHtml(resource.join(", "))}.`}</p>
<form method="post">
<input type="hidden" name="subject" value="${escapeHtml(subject)}">
${scopes.map(scopeBox).join("\n")}
${button("deny", "decision", "deny", "Do not allow")}${button("allow", "decision", "allow", "Allow")}
</form>`;

const scopeBox = ({ scope, words }: Interaction["scopes"][number]): string => {
  const id = `scope-${escapeHtml(scope)}`;
  const box = `id="${id}" name="scope" value="${escapeHtml(scope)}"`;
  if (scope === "openid") return `<input type="hidden" ${box}>`;
  return `<input type="checkbox" ${box} checked> <label for="${id}">${escapeHtml(words)}</label>`;
};

const button = (id: string, name: string, value: string, words: string): string =>
  `<button id="${id}" name="${name}" value="${value}">${words}</button>`;

function show(title: string, body: string, status = 200): Response {
  const html = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(title)}</title></head>
<body><main><h1 id="title">${escapeHtml(title)}</h1>
${body}
</main></body></html>
`;
  const headers = { "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store" };
  return new Response(html, { status, headers });
}
