/** The one page of the four apps. */
import type { User } from "@valetkey/client";

export const type = "text/html; charset=utf-8";

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/** Shows who is signed in, and what the API said. */
export function page(user: User | undefined, answer?: unknown): string {
  const body =
    user === undefined
      ? '<p>Nobody is signed in.</p><p><a id="sign-in" href="/me">Sign in</a></p>'
      : `<p>Signed in as <b id="name">${escapeHtml(user.name ?? user.sub)}</b></p>
<p><a id="call" href="/call">Call the API</a></p>
<form method="post" action="/auth/logout"><button id="sign-out">Sign out</button></form>`;
  const said = answer === undefined ? "" : `<pre id="answer">${escapeHtml(JSON.stringify(answer, null, 2))}</pre>`;
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>An app</title><link rel="icon" href="data:,"></head>
<body><main><h1>An app</h1>
${body}
${said}
</main></body>
</html>
`;
}
