/**
 * The Authorization and WWW-Authenticate headers.
 *
 * RFC 9110 §11 (schemes and challenges), RFC 6749 §2.3.1 (Basic with form-encoded halves), RFC 6750 §2.1 and §3 (Bearer).
 * Guarantees that one header yields at most one credential, and that no value can break out of a challenge.
 */
import { fromBase64url } from "./digest.ts";
import { invalidClient, invalidRequest } from "./errors.ts";
import { decodeUtf8 } from "./lib/read-body.ts";

/** The challenge that answers a failed Basic authentication: RFC 6749 §5.2 wants it whenever the header was used. */
export const basicChallenge = 'Basic realm="OAuth", charset="UTF-8"';

/** Splits an Authorization header into its scheme, in lower case, and the rest. */
export function readAuthorization(
  header: string | null | undefined,
): { scheme: string; credentials: string } | undefined {
  if (header === null || header === undefined || header === "") return undefined;
  const space = header.indexOf(" ");
  if (space < 0) return { scheme: header.toLowerCase(), credentials: "" };
  return { scheme: header.slice(0, space).toLowerCase(), credentials: header.slice(space + 1).trim() };
}

/**
 * Reads client credentials from an Authorization header; nothing if it is absent or of another scheme.
 * What is not base64, UTF-8, `id:secret` or form-encoded is `invalid_client`, with the challenge.
 */
export function readBasic(header: string | null | undefined): { id: string; secret: string } | undefined {
  const authorization = readAuthorization(header);
  if (authorization?.scheme !== "basic") return undefined;
  const bytes = fromBase64(authorization.credentials);
  const text = bytes && decodeUtf8(bytes);
  // The first colon splits: an id with a colon arrives form-encoded (§2.3.1).
  const colon = text?.indexOf(":") ?? -1;
  if (text === undefined || colon < 0) throw malformedBasic();
  const id = formDecode(text.slice(0, colon));
  const secret = formDecode(text.slice(colon + 1));
  if (id === undefined || id === "" || secret === undefined) throw malformedBasic();
  return { id, secret };
}

/** Writes client credentials as a Basic Authorization header, both halves form-encoded first (RFC 6749 §2.3.1). */
export function basicHeader(id: string, secret: string): string {
  // Form-encoded text is ASCII: btoa takes it as it is.
  return `Basic ${btoa(`${formEncode(id)}:${formEncode(secret)}`)}`;
}

/**
 * Reads a bearer token from the Authorization header, the only place we take it from (RFC 6750 §2.1).
 * Nothing if the header is absent or of another scheme; two credentials or a malformed one are `invalid_request`.
 */
export function readBearer(request: Request): string | undefined {
  const authorization = readAuthorization(request.headers.get("authorization"));
  if (authorization?.scheme !== "bearer") return undefined;
  // §2.1: b64token. Two headers arrive joined by a comma, which is not in it.
  if (!/^[A-Za-z0-9._~+/-]+=*$/.test(authorization.credentials)) {
    throw invalidRequest("the Authorization header must be one Bearer token");
  }
  return authorization.credentials;
}

/**
 * Writes a challenge for WWW-Authenticate: the scheme and its parameters as quoted strings; absent ones are left out.
 * Quotes and backslashes are escaped, characters outside printable ASCII become `?`; a name that is no token is a `TypeError`.
 */
export function challenge(scheme: string, params: Readonly<Record<string, string | undefined>> = {}): string {
  const parts: string[] = [];
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined)
      parts.push(`${token(name)}="${value.replace(/[^\x20-\x7e]/g, "?").replace(/["\\]/g, "\\$&")}"`);
  }
  return parts.length === 0 ? token(scheme) : `${token(scheme)} ${parts.join(", ")}`;
}

function token(text: string): string {
  if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(text)) throw new TypeError(`not a token (RFC 9110 §5.6.2): ${text}`);
  return text;
}

function malformedBasic() {
  return invalidClient("the Authorization header is not valid Basic authentication", {
    headers: { "WWW-Authenticate": basicChallenge },
  });
}

// RFC 7617 uses base64 with padding; senders that leave the padding out are understood too.
function fromBase64(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  return fromBase64url(text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", ""));
}

function formDecode(text: string): string | undefined {
  if (/^[\w.~-]*$/.test(text)) return text;
  try {
    const decoded = decodeURIComponent(text.replaceAll("+", " "));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 6749 Appendix A.1 and A.2 leave control characters out
    return /[\x00-\x1f\x7f]/.test(decoded) ? undefined : decoded;
  } catch {
    return undefined;
  }
}

const formEncode = (text: string): string => new URLSearchParams([["", text]]).toString().slice(1);
