/**
 * POST /auth/logout: ends the session of this browser.
 *
 * OpenID Connect RP-Initiated Logout 1.0, Fetch Metadata (Sec-Fetch-Site), RFC 6454 §7 (Origin).
 * Guarantees that no other site can sign a person out.
 */
import { isOAuthError } from "@valetkey/protocol/errors";
import { readForm } from "@valetkey/protocol/form";
import { ClientError } from "../client-error.ts";
import { type App, originOf } from "./app.ts";
import { seeOther } from "./page.ts";
import { readReturnTo } from "./return-to.ts";
import { dropSessionCookie, findSession } from "./session.ts";
import { signOut } from "./sign-out.ts";

/** Form fields: `provider=true` signs out at the issuer too, `everywhere=true` in every browser, `returnTo` a path. */
export async function logoutRoute(app: App, request: Request): Promise<Response> {
  const origin = originOf(app, request);
  checkSameOrigin(request, origin);
  const form = await readFields(request);
  const session = await findSession(app, request, origin);
  const { returnTo } = form;
  if (session === undefined) return seeOther(readReturnTo(returnTo, origin), [dropSessionCookie(origin)]);
  const provider = form.provider === "true";
  const everywhere = form.everywhere === "true";
  return signOut(app, origin, session, { provider, everywhere, ...(returnTo === undefined ? {} : { returnTo }) });
}

/**
 * Sec-Fetch-Site where the browser sends it: it is right also behind a proxy and on pages with `no-referrer`, whose Origin
 * is `null`. Else Origin. A request with neither comes from no current browser and is refused.
 */
function checkSameOrigin(request: Request, origin: string): void {
  const site = request.headers.get("sec-fetch-site");
  const sameOrigin = site === null ? request.headers.get("origin") === origin : site === "same-origin";
  if (!sameOrigin) {
    const from = request.headers.get("origin") ?? "no Origin header";
    throw new ClientError(
      "foreign_origin",
      `Sec-Fetch-Site is ${site}, Origin is ${from.slice(0, 200)}, expected ${origin}`,
    );
  }
}

async function readFields(request: Request) {
  try {
    return await readForm(request);
  } catch (cause) {
    if (!isOAuthError(cause)) throw cause;
    throw new ClientError("response_invalid", cause.description, { cause });
  }
}
