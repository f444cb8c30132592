/** Serves `/auth/*`, sets `locals.auth`, and refuses forms from elsewhere. */
import { sequence } from "@sveltejs/kit/hooks";
import * as auth from "./auth.server.ts";

export const handle = sequence(auth.handle, auth.checkForms);
