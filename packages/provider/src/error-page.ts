/**
 * The page that is shown when an error must not be sent to a client: plain words, what to do, nothing that runs.
 *
 * RFC 6749 §4.1.2.1, RFC 9700 §4.2 and §4.16; used unless `errorPage` is given.
 * Guarantees that nothing of the request gets into the page but escaped text, that it cannot be framed, and that it neither
 * loads nor runs anything.
 */
import type { ErrorPage } from "./op.ts";

/** Shows an error as a page with the error's status. `returnTo` becomes a link only if it is a URL a browser may follow. */
export const defaultErrorPage: ErrorPage = (_request, { error, description, status, returnTo }) => {
  const link = returnTo === undefined ? "" : linkTo(returnTo);
  const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>This did not work</title>
</head>
<body>
<main>
<h1 id="title">This did not work</h1>
<p id="description">${escapeHtml(sentence(description))}</p>
<p>${status >= 500 ? "Please try again in a moment." : "Go back to the application you came from and start again."} If it keeps happening, tell whoever runs that application the code below.</p>
${link}<p>Code: <code id="error">${escapeHtml(error)}</code></p>
</main>
</body>
</html>
`;
  return new Response(page, {
    status,
    headers: {
      "Content-Type": "text/html; charset=utf-8",
      "Cache-Control": "no-store",
      "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      "X-Frame-Options": "DENY",
      "X-Content-Type-Options": "nosniff",
      "Referrer-Policy": "no-referrer",
    },
  });
};

function linkTo(url: string): string {
  // Registered URIs cannot be javascript: or data:; this page does not depend on it.
  if (!URL.canParse(url) || /^(javascript|data|vbscript|blob|file):/i.test(new URL(url).href)) return "";
  const { protocol, host } = new URL(url);
  return `<p><a id="return" rel="noreferrer" href="${escapeHtml(url)}">Return to ${escapeHtml(host === "" ? protocol : host)}</a></p>\n`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
/** Escapes text for HTML content and quoted attributes. */
export const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (character) => escapes[character] ?? "");
