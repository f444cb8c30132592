"use client";
/** A page could not be made: a permission that ended right after it was given, a provider that does not answer. */

export default function Failure() {
  return (
    <>
      <p id="failure">That did not work.</p>
      <p>
        <a id="again" href="/auth/login">
          Sign in again
        </a>
      </p>
    </>
  );
}
