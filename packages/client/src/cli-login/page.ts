/**
 * The page at which a sign-in in the browser ends: that it worked, or why not, and that the window may be closed.
 *
 * WCAG 2.2, OWASP ASVS 3.4, RFC 9700 §4.2 (no referrer, nothing cached).
 * Guarantees a document without scripts that may load nothing, and in which text from outside is text.
 */
import { createHash } from "node:crypto";
import type { ClientError } from "../client-error.ts";

export interface Page {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly html: string;
}

const style =
  "body{background:Canvas;color:CanvasText;font:1.125rem/1.5 system-ui,sans-serif;margin:0}" +
  "main{max-width:34rem;margin:12vh auto 0;padding:0 1.25rem}h1{font-size:1.75rem;line-height:1.2}";

const digest = createHash("sha256").update(style).digest("base64");

/** The person is signed in. */
export const signedInPage = (): Page =>
  page(200, "Signed in", ["You can close this window and go back to the terminal."]);

/** The sign-in that was waited for came to nothing. */
export function notSignedInPage({ status, what, hint, code, error, error_description }: ClientError): Page {
  const reason = [error === code ? undefined : error, error_description]
    .filter((text) => text !== undefined)
    .join(": ");
  return page(status, "Not signed in", [
    what,
    hint,
    "You can close this window and go back to the terminal.",
    `${reason === "" ? "" : `The reason given: ${reason}. `}(${code})`,
  ]);
}

/** Somebody came here who is not the one that is waited for. */
export const strangerPage = (status: number): Page =>
  page(status, "Nothing to see here", [
    "A program on this computer waits at this address for a sign-in to come back. This is not the answer it waits for.",
  ]);

function page(status: number, title: string, paragraphs: readonly string[]): Page {
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${paragraphs.map((text) => `<p>${escapeHtml(text)}</p>`).join("\n")}
</main>
</body>
</html>
`;
  const headers = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": `default-src 'none'; style-src 'sha256-${digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    Connection: "close",
  };
  return { status, headers, html };
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => entities[character] ?? "");
