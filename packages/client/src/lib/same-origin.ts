/**
 * Tells a form on the application's own pages from one of another site.
 *
 * Fetch Metadata (Sec-Fetch-Site), RFC 6454 §7 (Origin), OWASP ASVS 3.5.1.
 * Guarantees that no other site, no link and no sibling under the same domain passes.
 */
import { isOAuthError } from "@valetkey/protocol/errors";
import { type Form, readForm } from "@valetkey/protocol/form";
import { ClientError } from "../client-error.ts";

/**
 * Sec-Fetch-Site where the browser sends it: it is right also behind a proxy and on pages with `no-referrer`, whose Origin
 * is `null`. Else Origin. A request with neither comes from no current browser and is refused (`foreign_origin`).
 */
export function checkSameOrigin(request: Request, origin: string): void {
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

/** Reads the fields of a form; what is none is `response_invalid`. */
export async function readFields(request: Request): Promise<Form> {
  try {
    return await readForm(request);
  } catch (cause) {
    if (!isOAuthError(cause)) throw cause;
    throw new ClientError("response_invalid", cause.description, { cause });
  }
}
