/**
 * Error pages: what happened, why, and what to do about it.
 *
 * A sign-in that fails is answered by createOAuth with a plain page; here its text gets the frame of this site.
 */
import { type ClientError, isClientError } from "@valetkey/client/client-error";
import type { ErrorHandler, MiddlewareHandler, NotFoundHandler } from "hono";
import { raw } from "hono/html";
import { HTTPException } from "hono/http-exception";
import { show } from "./layout.tsx";
import type { Person } from "./people.ts";

/** Puts the error pages of the sign-in into our frame; status, cookies and Retry-After stay as they are. */
export const inOurFrame =
  (personOf: (request: Request) => Promise<Person | undefined>): MiddlewareHandler =>
  async (c, next) => {
    await next();
    const { status, headers } = c.res;
    if (status < 400 || !headers.get("Content-Type")?.startsWith("text/html")) return;
    // Ours have a class there. createOAuth has escaped whatever came from outside.
    const theirs = /<main>\s*<h1>([^<]*)<\/h1>([\s\S]*)<\/main>/.exec(await c.res.clone().text());
    if (theirs === null) return;
    const [, title = "", text = ""] = theirs;
    const kept = [...headers].filter(([name]) => ["set-cookie", "retry-after"].includes(name));
    c.res = undefined;
    const person = await personOf(c.req.raw);
    const page = await show(c, { title, person, narrow: true }, <section>{raw(text)}</section>, status);
    for (const [name, value] of kept) page.headers.append(name, value);
    c.res = page;
  };

export const notFound: NotFoundHandler = (c) =>
  show(
    c,
    { title: "There is no such page", narrow: true },
    <p>
      <a href="/">Back to the start</a>
    </p>,
    404,
  );

/** What went wrong while somebody was at work here. */
export const onError: ErrorHandler = (error, c) => {
  if (isClientError(error)) return onClientError(error, c);
  if (error instanceof HTTPException && error.status < 500) {
    return show(
      c,
      { title: "That was not sent from here", narrow: true },
      <p>Go back, and try again.</p>,
      error.status,
    );
  }
  console.error(error);
  return show(
    c,
    { title: "Something went wrong", narrow: true },
    <p>It was not your fault. Try again in a moment.</p>,
    500,
  );
};

// Where the permission has ended, valetkey() has sent people to sign in again before this is asked.
const onClientError = (error: ClientError, c: Parameters<ErrorHandler>[1]) => {
  if (error.status >= 500) console.error(error);
  if (error.retryAfter !== undefined) c.header("Retry-After", String(error.retryAfter));
  return show(
    c,
    { title: "That did not work", narrow: true },
    <section>
      <p id="what">{error.what}</p>
      <p id="hint">{error.hint}</p>
      <p>
        <a class="button main" href="/profile">
          Back to your profile
        </a>
      </p>
      <small>{error.code}</small>
    </section>,
    error.status,
  );
};
