/**
 * POST /auth/logout: ends the session of this browser.
 *
 * OpenID Connect RP-Initiated Logout 1.0, OWASP ASVS 3.5.1.
 * Guarantees that no other site can sign a person out.
 */
import { seeOther } from "@valetkey/protocol/see-other";
import { type App, originOf } from "./app.ts";
import { readReturnTo } from "./return-to.ts";
import { checkSameOrigin, readFields } from "./same-origin.ts";
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
