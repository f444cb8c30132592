/**
 * `form_post`: the answer is a form that the browser posts to the client (OAuth 2.0 Form Post Response Mode §2).
 *
 * The form submits itself; without scripts the person presses its button. Guarantees that everything in the page is escaped,
 * that nothing but the one script whose hash is in the policy runs, and that the page is neither kept nor framed.
 */
import { sha256 } from "@valetkey/protocol/digest";
import { escapeHtml } from "../error-page.ts";
import type { ResponseMode } from "./response-mode.ts";

const script = "document.forms[0].submit()";
const scriptHash = sha256(new TextEncoder().encode(script)).then((bytes) => btoa(String.fromCharCode(...bytes)));

/** `form_post`. */
export const formPost: ResponseMode = {
  response_mode: "form_post",
  async send(_op, { client, redirect_uri }, parameters) {
    const fields = Object.entries(parameters).flatMap(([name, value]) =>
      value === undefined ? [] : [`<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`],
    );
    const name = escapeHtml(client.metadata.client_name ?? client.client_id);
    const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Continue to ${name}</title>
</head>
<body>
<main>
<h1>Continue to ${name}</h1>
<form method="post" action="${escapeHtml(redirect_uri)}">
${fields.join("\n")}
<button>Continue</button>
</form>
</main>
<script>${script}</script>
</body>
</html>
`;
    return new Response(page, {
      headers: {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "no-store",
        // No form-action: browsers apply it to wherever the client redirects next.
        "Content-Security-Policy": `default-src 'none'; script-src 'sha256-${await scriptHash}'; base-uri 'none'; frame-ancestors 'none'`,
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
      },
    });
  },
};
