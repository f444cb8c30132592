/**
 * The login and the consent form. Everything that comes from outside is escaped by the template.
 */
import type { Account } from "@valetkey/provider/op";
import type { Interaction } from "@valetkey/provider/options";
import { html } from "hono/html";

const document = (title: string, body: unknown) =>
  String(html`<!doctype html>
    <html lang="en">
      <head><meta charset="utf-8" /><meta name="viewport" content="width=device-width" /><meta name="color-scheme" content="light dark" /><title>${title}</title></head>
      <body><main><h1>${title}</h1>${body}</main></body>
    </html>`);

export function loginForm({ client }: Interaction, problem?: string): string {
  return document(
    "Sign in",
    html`<p>to continue to ${client.client_name}</p>
      ${problem && html`<p role="alert">${problem}</p>`}
      <form method="post">
        <p><label>E-mail <input name="email" type="email" autocomplete="username" required /></label></p>
        <p><label>Password <input name="password" type="password" autocomplete="current-password" required /></label></p>
        <button id="sign-in">Sign in</button>
      </form>`,
  );
}

export function consentForm({ client, scopes, destination }: Interaction, account: Account | undefined): string {
  return document(
    `Allow ${client.client_name}?`,
    html`<p>You are ${account?.claims.name}. You will be sent to ${destination?.host}.</p>
      <form method="post">
        ${scopes
          .filter(({ scope }) => scope !== "openid")
          .map(
            ({ scope, words }) =>
              html`<p><label><input type="checkbox" name="scope" value="${scope}" checked /> ${words}</label></p>`,
          )}
        <button name="decision" value="deny">Deny</button>
        <button name="decision" value="allow">Allow</button>
      </form>`,
  );
}

export function errorPage(title: string, advice: string): string {
  return document(title, html`<p>${advice}</p>`);
}
