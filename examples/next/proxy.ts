/** Turns strangers away before anything of the page is made. The page asks again, to know who it is. */
import type { NextRequest } from "next/server";
import { guard } from "./auth.ts";

export const proxy = (request: NextRequest) => guard(request);

export const config = { matcher: "/me" };
