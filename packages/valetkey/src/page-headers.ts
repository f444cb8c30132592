/**
 * The headers every page, redirect and error of ours carries.
 *
 * RFC 9700 §4.2 (referrer), §4.11 and §4.12 (redirects), §4.16 (clickjacking); CSP Level 3; RFC 9111 §5.2.2.5; RFC 6797.
 * Guarantees that no page can be framed, cached, sniffed, or can load anything from elsewhere but frames that it names, and that no
 * inline script runs.
 */

/**
 * Where a form on the page may lead. Browsers apply `form-action` to the whole chain of redirects after a form, and a
 * client may redirect again: pages whose form can end at a client (`away`) therefore send no `form-action`.
 */
export type FormsLead = "here" | "away";

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
];

/** Lists the headers of a page. `https`: the issuer is https. `frames`: origins the page shows frames of; none unless given. */
export function pageHeaders(https: boolean, forms: FormsLead, frames: readonly string[] = []): Record<string, string> {
  const more = [
    ...(forms === "here" ? ["form-action 'self'"] : []),
    ...(frames.length === 0 ? [] : [`frame-src ${frames.join(" ")}`]),
  ];
  return {
    "Content-Security-Policy": [...policy, ...more].join("; "),
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    ...(https ? { "Strict-Transport-Security": "max-age=63072000" } : {}),
  };
}

/** Puts the headers on an answer that was made elsewhere, and cookies with them. */
export function withPageHeaders(
  response: Response,
  https: boolean,
  forms: FormsLead,
  cookies: readonly string[] = [],
): Response {
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(pageHeaders(https, forms))) headers.set(name, value);
  for (const cookie of cookies) headers.append("Set-Cookie", cookie);
  return new Response(response.body, { status: response.status, headers });
}
