/**
 * An `OAuth` that is made when it is first needed: frameworks that run an application's modules while they build it would
 * otherwise need its secrets there.
 */
import type { OAuth } from "../create-oauth.ts";

/** Gives the same one each time. A failure is thrown each time anew. */
export function madeOnce(oauth: OAuth | (() => OAuth)): () => OAuth {
  let made: OAuth | undefined = typeof oauth === "function" ? undefined : oauth;
  return () => {
    made ??= typeof oauth === "function" ? oauth() : oauth;
    return made;
  };
}
