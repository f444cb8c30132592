/**
 * The page that tells applications through the browser that somebody signed out, for servers without one of their own.
 *
 * OpenID Connect Front-Channel Logout §3; CSP Level 3 §6.1 (frame-src); RFC 9700 §4.16. Guarantees that the frames can do no more
 * than run their own scripts, that nothing else is loaded, and that the person goes on after two seconds whatever the applications do.
 */
import { escapeHtml } from "../error-page.ts";
import type { Logout } from "../options.ts";

/** Seconds for applications to hear of it. */
export const framesWait = 2;

/** What a frame may do: the application's own scripts, with its own cookies and storage. */
export const frameSandbox = "allow-scripts allow-same-origin";

/** Shows the frames of a logout and goes on to its `returnTo`, or to `done`: a page that says that the person is signed out. */
export function framesPage({ frames = [], returnTo }: Logout, { done }: { readonly done: string }): Response {
  const next = escapeHtml(returnTo ?? done);
  const html = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="${framesWait}; url=${next}"><title>Signing you out</title></head>
<body><main><h1 id="title">Signing you out of ${appsOf(frames)}</h1>
<p><a id="onward" href="${next}" rel="noreferrer">Continue</a></p>
${frames.map((url) => `<iframe hidden title="Signing out" sandbox="${frameSandbox}" src="${escapeHtml(url)}"></iframe>`).join("\n")}
</main></body></html>
`;
  const policy = `default-src 'none'; frame-src ${frameOrigins(frames).join(" ")}; base-uri 'none'; frame-ancestors 'none'`;
  const headers = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": policy,
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
  };
  return new Response(html, { headers });
}

/** The origins frames are loaded from, each once: what `frame-src` must name. */
export const frameOrigins = (frames: readonly string[]): string[] => [
  ...new Set(frames.map((url) => new URL(url).origin)),
];

/** `1 app`, `3 apps`. */
export const appsOf = (frames: readonly string[]): string => (frames.length === 1 ? "1 app" : `${frames.length} apps`);
