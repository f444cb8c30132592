/**
 * The text an OAuth 1.0a signature covers.
 *
 * RFC 5849 §3.4.1.1 (signature base string), §3.4.1.2 (base string URI), §3.4.1.3.1 (parameter sources).
 * Guarantees that the query of the URL is always part of what is signed, and that the realm and `oauth_signature` never are.
 */
import { type EncodedPair, normalizePairs, parsePairs, percentEncode } from "./parameters.ts";

/** A request as its signature sees it. */
export interface SignedRequest {
  readonly method: string;
  /** As sent: origin of the Host header, path and query. */
  readonly url: URL;
  /** Protocol parameters, wherever they travel; those that travel in the query or body must not be here a second time. */
  readonly protocol?: readonly EncodedPair[];
  /** Pairs of the body, if it is one `application/x-www-form-urlencoded` part; of any other body nothing is signed. */
  readonly form?: readonly EncodedPair[];
}

/** Writes the base string URI (§3.4.1.2). URLs of other schemes than http and https, and user information, are a `TypeError`. */
export function baseStringUri(url: URL): string {
  if (!/^https?:$/.test(url.protocol)) throw new TypeError(`not an http URL: ${url.protocol}`);
  if (url.username !== "" || url.password !== "") throw new TypeError("the URL must not hold user information");
  // The URL standard has lower-cased scheme and host, dropped the default port and added the empty path's slash.
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** Writes the signature base string (§3.4.1.1). A query that is not percent-encoded properly is `invalid_request`. */
export function baseString({ method, url, protocol = [], form = [] }: SignedRequest): string {
  const parameters = normalizePairs([...parsePairs(url.search.slice(1)), ...protocol, ...form]);
  return [method.toUpperCase(), baseStringUri(url), parameters].map(percentEncode).join("&");
}

/** Tells whether the parameters in a body of this Content-Type are signed (§3.4.1.3.1): one form, nothing else. */
export function isSignedForm(contentType: string | null | undefined): boolean {
  return contentType?.split(";", 1)[0]?.trim().toLowerCase() === "application/x-www-form-urlencoded";
}
