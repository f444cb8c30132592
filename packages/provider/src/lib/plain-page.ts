/**
 * The frame of the few pages the provider shows by itself, and the headers each of them goes out with.
 *
 * CSP Level 3, RFC 9700 §4.2 (referrer) and §4.16 (clickjacking), RFC 9111 §5.2.2.5. Guarantees that such a page is neither framed
 * nor kept, sniffed nor indexed, and that it loads and runs nothing but what its policy names.
 */

export interface PlainPage {
  /** Text; it is escaped here. */
  readonly title: string;
  /** HTML: whatever comes from outside has been through `escapeHtml`. */
  readonly main: string;
  /** 200 unless given. */
  readonly status?: number;
  /** Directives of the content security policy beside `default-src 'none'`. */
  readonly policy?: readonly string[];
  /** Where the browser goes by itself after so many seconds. */
  readonly onward?: { readonly url: string; readonly seconds: number };
}

/** Makes the page and the answer it goes out with. */
export function plainPage({ title, main, status = 200, policy = [], onward }: PlainPage): Response {
  const refresh =
    onward === undefined
      ? ""
      : `<meta http-equiv="refresh" content="${onward.seconds}; url=${escapeHtml(onward.url)}">\n`;
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
${refresh}<title>${escapeHtml(title)}</title>
</head>
<body>
<main>
${main}
</main>
</body>
</html>
`;
  const directives = ["default-src 'none'", ...policy, "base-uri 'none'", "frame-ancestors 'none'"];
  const headers = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": directives.join("; "),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
  };
  return new Response(html, { status, headers });
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
