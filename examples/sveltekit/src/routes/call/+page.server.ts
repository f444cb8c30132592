/** Calls the API for the person. Has the permission ended, they sign in again and come back: `fetch` sees to it. */
import { api, requireUser } from "../../auth.server.ts";
import type { PageServerLoad } from "./$types";

export const load: PageServerLoad = async (event) => {
  const auth = requireUser(event);
  const answer = await auth.fetch("acme", api);
  return { user: auth.user, answer: await answer.json() };
};
