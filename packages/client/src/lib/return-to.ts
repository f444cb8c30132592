/**
 * Where a person goes after signing in or out: a path of this application and nothing else.
 *
 * RFC 9700 §4.11 (open redirects), CWE-601.
 * Guarantees that every browser reads the result as a path on the same origin.
 */

const maxLength = 1024;

/** Reads `returnTo`: a path with query on the origin, or `/` for anything else. */
export function readReturnTo(text: string | null | undefined, origin: string): string {
  // `//host`, `/\host` and control characters that browsers drop all lead elsewhere.
  if (
    text === null ||
    text === undefined ||
    text.length > maxLength ||
    !/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(text)
  ) {
    return "/";
  }
  const url = new URL(text, origin);
  // `/.//host` resolves to `//host`: as a bare path it would leave again.
  if (url.origin !== new URL(origin).origin || url.pathname.startsWith("//")) return "/";
  return url.pathname + url.search + url.hash;
}
