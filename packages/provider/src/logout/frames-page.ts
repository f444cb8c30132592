/**
 * The page that tells applications through the browser that somebody signed out, for servers without one of their own.
 *
 * OpenID Connect Front-Channel Logout §3; CSP Level 3 §6.1 (frame-src); RFC 9700 §4.16. Guarantees that the frames can do no more
 * than run their own scripts, that nothing else is loaded, and that the person goes on after two seconds whatever the applications do.
 */
import { escapeHtml, plainPage } from "../lib/plain-page.ts";
import type { Logout } from "../options.ts";

/** Seconds for applications to hear of it. */
export const framesWait = 2;

/** What a frame may do: the application's own scripts, with its own cookies and storage. */
export const frameSandbox = "allow-scripts allow-same-origin";

/** Shows the frames of a logout and goes on to its `returnTo`, or to `done`: a page that says that the person is signed out. */
export function framesPage({ frames = [], returnTo }: Logout, { done }: { readonly done: string }): Response {
  const url = returnTo ?? done;
  const hidden = frames.map(
    (src) => `<iframe hidden title="Signing out" sandbox="${frameSandbox}" src="${escapeHtml(src)}"></iframe>`,
  );
  return plainPage({
    title: "Signing you out",
    policy: [`frame-src ${frameOrigins(frames).join(" ")}`],
    onward: { url, seconds: framesWait },
    main: `<h1 id="title">Signing you out of ${appsOf(frames)}</h1>
<p><a id="onward" href="${escapeHtml(url)}" rel="noreferrer">Continue</a></p>
${hidden.join("\n")}`,
  });
}

/** The origins frames are loaded from, each once: what `frame-src` must name. */
export const frameOrigins = (frames: readonly string[]): string[] => [
  ...new Set(frames.map((url) => new URL(url).origin)),
];

/** `1 app`, `3 apps`. */
export const appsOf = (frames: readonly string[]): string => (frames.length === 1 ? "1 app" : `${frames.length} apps`);
