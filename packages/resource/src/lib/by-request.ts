/**
 * What every adapter offers besides its guard: checks and answers by the Request and Response of the web.
 *
 * Guarantees that these are the same checks: an adapter has none of its own.
 */
import type { ProtectedResource } from "../protect.ts";
import { readRequirement } from "../requirement.ts";
import type { Gate } from "./gate.ts";
import { certificateOfPeer, presentedByRequest } from "./presented.ts";

export function byRequest(gate: Gate): Omit<ProtectedResource, "requireOAuth"> {
  return {
    async check(request, needs, peer) {
      const presented = presentedByRequest(request, () => certificateOfPeer(peer));
      return (await gate.check(presented, readRequirement(needs))).token;
    },
    challengeFor: (error, request, needs) =>
      gate.refuse(error, request && { authorization: request.headers.get("authorization") }, readRequirement(needs)),
    metadata: (request) => gate.metadata(request.method, new URL(request.url).pathname),
  };
}

/** Adds headers to an answer; one that came from `fetch` cannot be changed and is made anew. */
export function withHeaders(response: Response, headers: Readonly<Record<string, string>>): Response {
  const added = Object.entries(headers);
  if (added.length === 0) return response;
  const changeable = new Response(response.body, response);
  for (const [name, value] of added) changeable.headers.set(name, value);
  return changeable;
}
