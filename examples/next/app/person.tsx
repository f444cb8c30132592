/** What every page shows: who is signed in, and what the API said. */
import type { User } from "@valetkey/client";
import Link from "next/link";

export function Person({ user, answer }: { readonly user: User | undefined; readonly answer?: unknown }) {
  if (user === undefined) {
    return (
      <>
        <p>Nobody is signed in.</p>
        <p>
          <Link id="sign-in" href="/me">
            Sign in
          </Link>
        </p>
      </>
    );
  }
  return (
    <>
      <p>
        Signed in as <b id="name">{user.name ?? user.sub}</b>
      </p>
      <p>
        <Link id="call" href="/call">
          Call the API
        </Link>
      </p>
      <form method="post" action="/auth/logout">
        <button id="sign-out" type="submit">
          Sign out
        </button>
      </form>
      {answer !== undefined && <pre id="answer">{JSON.stringify(answer, null, 2)}</pre>}
    </>
  );
}
