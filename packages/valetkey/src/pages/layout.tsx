/**
 * The frame of every page, and how a page becomes a Response.
 *
 * WCAG 2.2 (language, landmarks, skip link, title); HTML Living Standard. Guarantees that every page goes out with all the
 * headers of `page-headers.ts` and without inline script or style.
 */
import type { Child } from "hono/jsx";
import { type FormsLead, pageHeaders, withPageHeaders } from "../page-headers.ts";
import { type Look, pathOf, type Shown } from "./site.ts";

/** What a page is apart from its content. */
export interface PageShape {
  readonly title: string;
  /** 200 unless given. */
  readonly status?: number;
  /** `here` unless given; see `FormsLead`. */
  readonly forms?: FormsLead;
  readonly cookies?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Origins of frames in the page. */
  readonly frames?: readonly string[];
  /** Where the browser goes by itself after so many seconds, if it runs no scripts. */
  readonly onward?: { readonly url: string; readonly seconds: number };
  /** Account pages: wider, with navigation. */
  readonly account?: { readonly person: Shown; readonly section: string; readonly sections: readonly Section[] };
}

/** An entry of the account navigation. */
export interface Section {
  readonly path: string;
  readonly words: string;
}

/** Answers with a page. */
export async function showPage(look: Look, shape: PageShape, content: Child): Promise<Response> {
  const { title, status = 200, forms = "here", cookies = [], headers = {}, account, frames, onward } = shape;
  const words = status >= 400 && status !== 404 ? `Error: ${title}` : title;
  const element = (
    <Frame look={look} title={words} account={account} onward={onward}>
      {content}
    </Frame>
  );
  const html = `<!doctype html>${await element.toString()}`;
  const response = new Response(html, {
    status,
    headers: { ...headers, ...pageHeaders(look.https, forms, frames), "Content-Type": "text/html; charset=utf-8" },
  });
  for (const cookie of cookies) response.headers.append("Set-Cookie", cookie);
  return response;
}

/** Answers 303: the browser goes on with a GET, and no password is posted again (RFC 9700 §4.12). */
export function seeOther(look: Look, location: string, cookies: readonly string[] = []): Response {
  const response = new Response(null, { status: 303, headers: { Location: location } });
  return withPageHeaders(response, look.https, "here", cookies);
}

interface FrameProps {
  readonly look: Look;
  readonly title: string;
  readonly account: PageShape["account"];
  readonly onward: PageShape["onward"];
  readonly children?: Child;
}

function Frame({ look, title, account, onward, children }: FrameProps) {
  const { paths } = look.assets;
  return (
    <html lang="en" dir="ltr">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <title>
          {title} – {look.name}
        </title>
        <link rel="icon" type="image/svg+xml" href={paths["icon.svg"]} />
        <link rel="stylesheet" href={paths["pages.css"]} />
        <link rel="stylesheet" href={paths["brand.css"]} />
        <script src={paths["form.js"]} defer></script>
        {onward !== undefined && (
          <noscript>
            <meta http-equiv="refresh" content={`${onward.seconds}; url=${onward.url}`} />
          </noscript>
        )}
      </head>
      <body class={account === undefined ? "one-card" : "account"}>
        <a class="skip" href="#main">
          Skip to content
        </a>
        <header>
          <p class="brand">
            <Key />
            <bdi>{look.name}</bdi>
          </p>
          {account && <SignedInAs person={account.person} />}
        </header>
        {account && <Sections look={look} account={account} />}
        <main id="main" tabindex={-1}>
          {children}
        </main>
        <footer>
          {look.helpUrl !== undefined && (
            <a href={look.helpUrl} rel="noreferrer">
              Help
            </a>
          )}
        </footer>
      </body>
    </html>
  );
}

function Key() {
  return (
    <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true" focusable="false">
      <rect class="key-back" width="32" height="32" rx="8" />
      <path class="key-line" d="M16.1 16H25v4.2M20.8 16v3.2M16.1 16a4.6 4.6 0 1 1-9.2 0 4.6 4.6 0 0 1 9.2 0Z" />
    </svg>
  );
}

function SignedInAs({ person }: { readonly person: Shown }) {
  return (
    <p class="signed-in">
      <bdi>{person.email ?? person.name}</bdi>
    </p>
  );
}

function Sections({ look, account }: { readonly look: Look; readonly account: NonNullable<PageShape["account"]> }) {
  return (
    <nav aria-label="Account">
      <ul>
        {account.sections.map(({ path, words }) => (
          <li>
            <a href={pathOf(look, path)} aria-current={path === account.section ? "page" : undefined}>
              {words}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
