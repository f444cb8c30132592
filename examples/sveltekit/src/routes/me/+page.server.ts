/** For who is signed in; others sign in and come back. */
import { requireUser } from "../../auth.server.ts";
import type { PageServerLoad } from "./$types";

export const load: PageServerLoad = (event) => ({ user: requireUser(event).user });
