/**
 * The page that is shown when an error must not be sent to a client: plain words, what to do, nothing that runs.
 *
 * RFC 6749 §4.1.2.1, RFC 9700 §4.2 and §4.16; used unless `errorPage` is given.
 * Guarantees that nothing of the request gets into the page but escaped text, that it cannot be framed, and that it neither
 * loads nor runs anything.
 */
import { escapeHtml, plainPage } from "./lib/plain-page.ts";
import type { ErrorPage } from "./op.ts";

/** Shows an error as a page with the error's status. `returnTo` becomes a link only if it is a URL a browser may follow. */
export const defaultErrorPage: ErrorPage = (_request, { error, description, status, returnTo }) => {
  const link = returnTo === undefined ? "" : linkTo(returnTo);
  return plainPage({
    title: "This did not work",
    status,
    policy: ["form-action 'none'"],
    main: `<h1 id="title">This did not work</h1>
<p id="description">${escapeHtml(sentence(description))}</p>
<p>${status >= 500 ? "Please try again in a moment." : "Go back to the application you came from and start again."} If it keeps happening, tell whoever runs that application the code below.</p>
${link}<p>Code: <code id="error">${escapeHtml(error)}</code></p>`,
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
