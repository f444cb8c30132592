/**
 * The frame of the pages the client shows itself, in an application and in front of a terminal, and the headers they go out with.
 *
 * CSP Level 3 §2.3.1, OWASP ASVS 3.4, RFC 9700 §4.2 (no referrer, nothing cached) and §4.16 (no frames).
 * Guarantees a document that loads and runs nothing, and has no style but the one it was given the digest of.
 */

export interface PlainPage {
  /** Text; it is escaped here. */
  readonly title: string;
  /** HTML: whatever comes from outside has been through `escapeHtml`. */
  readonly main: readonly string[];
  readonly style: Style;
  /** Where a form in it may lead. */
  readonly forms: "self" | "none";
}

export interface Style {
  readonly css: string;
  /** SHA-256 of the text, in base64. */
  readonly sha256: string;
}

/** Makes the page, for whatever answers the browser here. */
export function plainPage({ title, main, style, forms }: PlainPage): {
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
} {
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${style.css}</style>
</head>
<body>
<main>
${main.join("\n")}
</main>
</body>
</html>
`;
  const headers = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": `default-src 'none'; style-src 'sha256-${style.sha256}'; base-uri 'none'; form-action '${forms}'; frame-ancestors 'none'`,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
  };
  return { html, headers };
}

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Escapes text for HTML content and quoted attributes. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => escapes[character] ?? "");
