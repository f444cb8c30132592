/**
 * Reads one parameter of a `WWW-Authenticate` header.
 *
 * RFC 9110 §11.2 and §11.6.1: a header may hold several challenges, and a value may be quoted with anything in it.
 * Guarantees that text inside another parameter's quotes is never taken for the parameter.
 */

/** Finds the first value of a parameter in any of the challenges; nothing if it is absent or the header is too long. */
export function readChallengeParameter(header: string, name: string): string | undefined {
  if (header.length > 8192) return undefined;
  // Not from the middle of a name: a long one without a value would be tried again from each of its letters.
  const pair = /(?<![!#$%&'*+.^_`|~\w-])([!#$%&'*+.^_`|~\w-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g;
  for (const [, found = "", quoted, token] of header.matchAll(pair)) {
    if (found.toLowerCase() === name) return quoted === undefined ? token : quoted.replace(/\\(.)/g, "$1");
  }
  return undefined;
}
