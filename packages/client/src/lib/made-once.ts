/**
 * An `OAuth` that is made when it is first needed: frameworks that run an application's modules while they build it would
 * otherwise need its secrets and its database there.
 */
import type { OAuth } from "../create-oauth.ts";

/** An `OAuth`, or how to make it: at the first request, with a store that has to be opened first. */
export type MakeOAuth = OAuth | (() => OAuth | Promise<OAuth>);

/** Gives the same one each time, also to those who ask at the same time. A failure is thrown, and forgotten: the next one tries again. */
export function madeOnce(oauth: MakeOAuth): () => Promise<OAuth> {
  let made: Promise<OAuth> | undefined;
  return async () => {
    made ??= Promise.resolve().then(typeof oauth === "function" ? oauth : () => oauth);
    const mine = made;
    try {
      return await mine;
    } catch (e) {
      // Others that waited for this one find that the next attempt is under way.
      if (made === mine) made = undefined;
      throw e;
    }
  };
}
