/**
 * `form_post`: the answer is a form that the browser posts to the client (OAuth 2.0 Form Post Response Mode §2).
 *
 * The form submits itself; without scripts the person presses its button. Guarantees that everything in the page is escaped,
 * that nothing but the one script whose hash is in the policy runs, and that the page is neither kept nor framed.
 */
import { sha256 } from "@valetkey/protocol/digest";
import { escapeHtml, plainPage } from "../lib/plain-page.ts";
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
    const title = `Continue to ${client.metadata.client_name ?? client.client_id}`;
    return plainPage({
      title,
      // No form-action: browsers apply it to wherever the client redirects next.
      policy: [`script-src 'sha256-${await scriptHash}'`],
      main: `<h1>${escapeHtml(title)}</h1>
<form method="post" action="${escapeHtml(redirect_uri)}">
${fields.join("\n")}
<button>Continue</button>
</form>
<script>${script}</script>`,
    });
  },
};
