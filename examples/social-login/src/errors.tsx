/**
 * Error pages: what happened, why, and what to do about it. Text from elsewhere is escaped by JSX.
 */
import type { ErrorPage } from "@valetkey/client";
import { isClientError } from "@valetkey/client/client-error";
import type { ErrorHandler, NotFoundHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import { show } from "./layout.tsx";
import type { Person } from "./people.ts";

/** A sign-in that failed: createOAuth says what there is to say, and sees to status, cookies and Retry-After. */
export const failedSignIn = ({ title, what, hint, reason, code, reference, links }: ErrorPage, person?: Person) =>
  show(
    { title, person, narrow: true },
    <section>
      <p id="what">{what}</p>
      <p id="hint">{hint}</p>
      {links.map(({ href, text }) => (
        <p>
          <a href={href}>{text}</a>
        </p>
      ))}
      {reason && (
        <p id="reason">
          <small>The reason given: {reason}</small>
        </p>
      )}
      <small>
        {code}, reference {reference}
      </small>
    </section>,
  );

export const notFound: NotFoundHandler = () =>
  show(
    { title: "There is no such page", narrow: true },
    <p>
      <a href="/">Back to the start</a>
    </p>,
    404,
  );

/** What went wrong while somebody was at work here. Where the permission has ended, valetkey() has sent them to sign in again. */
export const onError: ErrorHandler = async (error) => {
  if (error instanceof HTTPException && error.status < 500) {
    const title = "That was not sent from here";
    return show({ title, narrow: true }, <p>Go back, and try again.</p>, error.status);
  }
  if (!isClientError(error)) {
    console.error(error);
    const title = "Something went wrong";
    return show({ title, narrow: true }, <p>It was not your fault. Try again in a moment.</p>, 500);
  }
  const { status, what, hint, code, retryAfter } = error;
  if (status >= 500) console.error(error);
  const page = await show(
    { title: "That did not work", narrow: true },
    <section>
      <p id="what">{what}</p>
      <p id="hint">{hint}</p>
      <p>
        <a class="button main" href="/profile">
          Back to your profile
        </a>
      </p>
      <small>{code}</small>
    </section>,
    status,
  );
  if (retryAfter !== undefined) page.headers.set("Retry-After", String(retryAfter));
  return page;
};
