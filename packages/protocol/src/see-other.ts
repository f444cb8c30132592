/**
 * The redirect of every role: 303, to be neither repeated nor kept.
 *
 * RFC 9110 §15.4.4, RFC 9700 §4.12 (303, so that a POST with credentials is never posted again) and §4.2.4 (no referrer).
 */

/** Redirects with 303. `cookies` are `Set-Cookie` values. */
export function seeOther(location: string, cookies: readonly string[] = []): Response {
  const headers = new Headers({ Location: location, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer" });
  for (const cookie of cookies) headers.append("Set-Cookie", cookie);
  return new Response(null, { status: 303, headers });
}
