/**
 * Answers the catalogue of attacks has names for: what each must have, and must not.
 */
import assert from "node:assert/strict";
import type { PageOf } from "./browser.ts";
import type { Reply } from "./flow.ts";

/** `T400:code` of the catalogue: JSON, never cached, nothing but what the specification names. */
export function assertRefused(reply: Reply, status: number, error: string): void {
  assert.equal(`${reply.status} ${reply.json?.error}`, `${status} ${error}`, reply.text);
  assert.equal(reply.headers.get("Cache-Control"), "no-store");
  assert.match(reply.headers.get("Content-Type") ?? "", /^application\/json/);
  assert.doesNotMatch(reply.text, /\bat .*\.js|node_modules|select |\/data\//i);
  assert.deepEqual(
    Object.keys(reply.json ?? {}).filter((key) => !/^error(_description|_uri)?$/.test(key)),
    [],
  );
}

/** `503`: come back later; nothing in it makes a client throw its tokens away. */
export function assertUnavailable(reply: Reply): void {
  assert.equal(reply.status, 503, reply.text);
  assert.match(reply.headers.get("Retry-After") ?? "", /^[0-9]+$/);
  assert.doesNotMatch(reply.text, /invalid_grant|invalid_client|select |\.db|node_modules/i);
}

/** `PAGE400`: our own page, going nowhere, framed by nobody. */
export function assertErrorPage(page: PageOf, status = 400): void {
  assert.equal(page.foreign, false, `sent to ${page.url}`);
  assert.equal(page.status, status, page.text.slice(0, 300));
  assert.equal(page.headers.get("Location"), null);
  assert.match(page.headers.get("Content-Type") ?? "", /^text\/html/);
  assertSafePage(page);
}

/** Framed by nobody, kept by nobody, with nothing from elsewhere and no inline script. */
export function assertSafePage(page: Pick<PageOf, "headers" | "html" | "url">): void {
  const policy = page.headers.get("Content-Security-Policy") ?? "";
  assert.match(policy, /frame-ancestors 'none'/, `${page.url}`);
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval/);
  assert.equal(page.headers.get("X-Frame-Options"), "DENY");
  assert.equal(page.headers.get("Referrer-Policy"), "no-referrer");
  assert.equal(page.headers.get("X-Content-Type-Options"), "nosniff");
  assert.match(page.headers.get("Cache-Control") ?? "", /no-store/);
  assert.doesNotMatch(page.html, /(?:src|href)="(?:https?:)?\/\/(?!localhost)[^"]*\.(?:js|css|png|woff)/);
}

/** `R:error`: to the registered URI, with error, state and our issuer, and without a code. */
export function assertRedirectedError(
  page: PageOf,
  issuer: string,
  error: string | RegExp,
  state: string | null = "state-1",
): void {
  assert.equal(page.foreign, true, `not sent to the client: ${page.status} ${page.text.slice(0, 300)}`);
  assert.ok([302, 303].includes(page.status), `${page.status}`);
  // An answer that could hold a token travels in the fragment, errors too.
  const { searchParams, hash } = page.url;
  const query = hash === "" ? searchParams : new URLSearchParams(hash.slice(1));
  assert.match(query.get("error") ?? "(none)", error instanceof RegExp ? error : new RegExp(`^${error}$`));
  assert.equal(query.get("state"), state);
  assert.deepEqual(query.getAll("iss"), [issuer]);
  assert.equal(query.get("code"), null);
}
