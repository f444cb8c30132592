/** For programs: who is signed in, or 401. */
import { protect } from "../../../auth.ts";

export const GET = protect((_request, auth) => Response.json(auth.user));
