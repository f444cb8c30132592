/**
 * What adapters answer when it cannot be known who is signed in.
 *
 * RFC 9110 §15.6.4. Guarantees that an outage is a 503: neither "nobody" nor somebody.
 */
import type { App } from "./app.ts";
import { asClientError } from "./page.ts";

/** Logs that it cannot be known who is signed in, and throws on. */
export function unknowable(app: App, thrown: unknown): never {
  const { code, message, hint, fix = hint } = asClientError(thrown);
  app.log.error({ event: "session.unknown", code, fix, docs: `docs/troubleshooting.md#${code}`, err: thrown }, message);
  throw thrown;
}

/** Answers 503 for an outage of the store; anything else is thrown on, to the framework. */
export function outage(thrown: unknown): Response {
  const error = asClientError(thrown);
  if (error.code === "unexpected") throw thrown;
  const headers = new Headers({ "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" });
  if (error.status === 503) headers.set("Retry-After", String(Math.ceil(error.retryAfter ?? 1)));
  return new Response(`${error.what} ${error.hint}\n`, { status: error.status, headers });
}
