/**
 * The page at which a sign-in in the browser ends: that it worked, or why not, and that the window may be closed.
 *
 * WCAG 2.2, OWASP ASVS 3.4, RFC 9700 §4.2 (no referrer, nothing cached).
 * Guarantees a document without scripts that may load nothing, and in which text from outside is text.
 */
import { createHash } from "node:crypto";
import type { ClientError } from "../client-error.ts";
import { escapeHtml, plainPage } from "../lib/plain-page.ts";

export interface Page {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly html: string;
}

const css =
  "body{background:Canvas;color:CanvasText;font:1.125rem/1.5 system-ui,sans-serif;margin:0}" +
  "main{max-width:34rem;margin:12vh auto 0;padding:0 1.25rem}h1{font-size:1.75rem;line-height:1.2}";

const style = { css, sha256: createHash("sha256").update(css).digest("base64") };

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
  const main = [`<h1>${escapeHtml(title)}</h1>`, ...paragraphs.map((text) => `<p>${escapeHtml(text)}</p>`)];
  const { html, headers } = plainPage({ title, main, style, forms: "none" });
  return {
    status,
    headers: { ...headers, "Cross-Origin-Resource-Policy": "same-origin", Connection: "close" },
    html,
  };
}
