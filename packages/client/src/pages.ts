/**
 * The pages of `createOAuth` in the application's own frame: what they have to say, for a function that says it.
 *
 * OWASP ASVS 3.4, RFC 9700 §4.2. The application decides how a page looks. Status, cookies and the headers that keep it out of
 * caches, frames and other sites' logs are ours. Whatever is in these values is text: escaping it is up to whoever renders it.
 */
import type { ClientErrorCode } from "./client-error.ts";

/** A way on. `href` is a path of the application. */
export interface PageLink {
  readonly href: string;
  readonly text: string;
}

/** A failure as a person may see it. */
export interface ErrorPage {
  readonly status: number;
  readonly code: ClientErrorCode;
  readonly title: string;
  /** What happened. */
  readonly what: string;
  /** What to do about it. */
  readonly hint: string;
  /** The reason the other side gave. Written by strangers: escape it. */
  readonly reason?: string;
  /** Finds the failure in the log. */
  readonly reference: string;
  /** Ways on, the best one first. */
  readonly links: readonly PageLink[];
}

/** The ways to sign in. */
export interface SignInPage {
  readonly ways: readonly { readonly name: string; readonly label: string; readonly href: string }[];
  /** Path the person comes back to; it is in each `href` already. */
  readonly returnTo: string;
}

/** HTML, or an answer of which body, type and Content-Security-Policy are used; `undefined`: the page of createOAuth. */
export type Rendered = Response | string | undefined | Promise<Response | string | undefined>;

/** What throws here costs nobody the page: that of createOAuth is shown, and the log says why. */
export interface Pages {
  /** For a form that `guard` refuses, which does not wait, a page that comes as a promise is passed over. */
  readonly error?: (page: ErrorPage, request: Request) => Rendered;
  /** The page at `/auth/login`, where there are several ways. */
  readonly signIn?: (page: SignInPage, request: Request) => Rendered;
}
