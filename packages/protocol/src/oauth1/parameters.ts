/**
 * The parameters of an OAuth 1.0a request: read from the query, a form body or the Authorization header, written back, and
 * put in the one order both sides sign.
 *
 * RFC 5849 §3.1 and §3.2 (each protocol parameter once), §3.4.1.3 (sources and normalization), §3.5 (transmission), §3.6
 * (percent encoding).
 * Guarantees that two requests with the same octets in their parameters are written the same way, however they were encoded:
 * names and values stay percent-encoded in the single spelling of §3.6, so that binary values survive too.
 */
import { invalidRequest } from "../errors.ts";

/** A name and a value, both percent-encoded as §3.6 wants it. `["a%20b", "%C3%A9"]` is `a b` with the value `é`. */
export type EncodedPair = readonly [name: string, value: string];

/**
 * Encodes text for OAuth 1.0a (§3.6): UTF-8, everything but letters, digits and `-._~` as `%XX` in upper case.
 * Half of a surrogate pair is no text and refused with a `URIError`.
 */
export function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => hex(character.charCodeAt(0)));
}

/** Decodes one side of a pair; nothing if the octets are not UTF-8. */
export function percentDecode(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}

/** Encodes parameters; absent ones are left out. */
export function encodePairs(parameters: Readonly<Record<string, string | undefined>>): EncodedPair[] {
  const pairs: EncodedPair[] = [];
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) pairs.push([percentEncode(name), percentEncode(value)]);
  }
  return pairs;
}

/**
 * Reads `a=1&b=2`, a query without its `?` or a form body: every parameter in its place, repeated and empty ones too.
 * A `%` that begins no octet and text that is not Unicode are `invalid_request`: the other side might read them otherwise.
 */
export function parsePairs(text: string): EncodedPair[] {
  const pairs: EncodedPair[] = [];
  for (const pair of text.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = equals < 0 ? pair : pair.slice(0, equals);
    // In a form a plus is a blank (§3.4.1.3.1 refers to HTML 4.01 §17.13.4).
    const value = equals < 0 ? "" : pair.slice(equals + 1);
    pairs.push([respell(name.replaceAll("+", "%20")), respell(value.replaceAll("+", "%20"))]);
  }
  return pairs;
}

/** Writes pairs as a form body or query (§3.5.2, §3.5.3). */
export const formatPairs = (pairs: readonly EncodedPair[]): string =>
  pairs.map(([name, value]) => `${name}=${value}`).join("&");

/**
 * Reads an Authorization header of the scheme `OAuth` (§3.5.1), without its realm; nothing for another scheme.
 * What does not follow `name="value", ...` is `invalid_request`, two headers in one included.
 */
export function readOAuthHeader(header: string | null | undefined): EncodedPair[] | undefined {
  const scheme = /^oauth(?:[ \t]+|$)/i.exec(header ?? "");
  if (!header || scheme === null) return undefined;
  const pairs: EncodedPair[] = [];
  const element = /[ \t]*(?:([^\s=",]+)="((?:[^"\\]|\\.)*)"[ \t]*)?(,|$)/y;
  element.lastIndex = scheme[0].length;
  while (element.lastIndex < header.length) {
    const [, name, value = ""] = element.exec(header) ?? refuse("the OAuth Authorization header is malformed");
    // §3.4.1.3.1: the realm is no parameter. It is the one value in plain text.
    if (name !== undefined && name !== "realm") pairs.push([respell(name), respell(value)]);
  }
  return pairs;
}

/** Writes the Authorization header (§3.5.1). A realm that is not printable ASCII is a `TypeError`. */
export function oauthHeader(pairs: readonly EncodedPair[], realm?: string): string {
  if (realm !== undefined && !/^[\x20-\x7e]*$/.test(realm)) throw new TypeError("a realm must be printable ASCII");
  const parts = pairs.map(([name, value]) => `${name}="${value}"`);
  if (realm !== undefined) parts.unshift(`realm="${realm.replace(/["\\]/g, "\\$&")}"`);
  return `OAuth ${parts.join(", ")}`;
}

/**
 * Reads the protocol parameters (`oauth_...`) among the pairs. One that is repeated or is not UTF-8 is `invalid_request`
 * (§3.1, §3.2: no parameter more than once).
 */
export function readProtocolParameters(pairs: readonly EncodedPair[]): Readonly<Record<string, string | undefined>> {
  const found: Record<string, string> = Object.create(null);
  for (const [name, encoded] of pairs) {
    if (!name.startsWith("oauth_")) continue;
    if (found[name] !== undefined) refuse("a protocol parameter is repeated");
    found[name] = percentDecode(encoded) ?? refuse("a protocol parameter is not UTF-8");
  }
  return found;
}

/**
 * Normalizes parameters (§3.4.1.3.2): sorted by octets of the encoded name, then of the encoded value, and joined.
 * `oauth_signature` is left out wherever it came from (§3.4.1.3.1).
 */
export function normalizePairs(pairs: readonly EncodedPair[]): string {
  return formatPairs(pairs.filter(([name]) => name !== "oauth_signature").sort(byOctets));
}

// Encoded text is ASCII: comparing strings compares octets. Names come first: "a=" would sort after "a1=" as joined text.
const byOctets = ([name, value]: EncodedPair, [otherName, otherValue]: EncodedPair): number =>
  compare(name, otherName) || compare(value, otherValue);

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Gives encoded text the one spelling of §3.6: `%7e` becomes `~`, `é` becomes `%C3%A9`, `%c3` becomes `%C3`. */
function respell(text: string): string {
  if (/%(?![0-9A-Fa-f]{2})/.test(text) || !text.isWellFormed()) refuse("a parameter is not percent-encoded");
  return text.replace(/%[0-9A-Fa-f]{2}|[^A-Za-z0-9._~-]/gu, (part) => {
    if (part.length !== 3 || part[0] !== "%") return percentEncode(part);
    const octet = Number.parseInt(part.slice(1), 16);
    const character = String.fromCharCode(octet);
    return /[A-Za-z0-9._~-]/.test(character) ? character : hex(octet);
  });
}

const hex = (octet: number): string => `%${octet.toString(16).toUpperCase().padStart(2, "0")}`;

function refuse(message: string): never {
  throw invalidRequest(message);
}
