/**
 * A signed request on its way from an API to the provider that knows the secrets: written as one text, which is introspected as if
 * it were a token (RFC 7662 §2.1), because it is what stands for the person's permission (RFC 5849 §3).
 *
 * Guarantees that nothing but what the signature covers travels: method, URL, the Authorization header, a form.
 */
import { base64url, fromBase64url } from "../digest.ts";
import { decodeUtf8 } from "../lib/read-body.ts";
import { isSignedForm } from "./base-string.ts";
import { OAuth1Problem } from "./problem.ts";

/** No token begins so: the colon is in none (RFC 6750 §2.1). */
const prefix = "oauth1_request:";
const maxLength = 40_000;

/** The `token_type` of the answer. */
export const forwardedType = "OAuth1";

/** Writes a request. What is too long for a form of the provider is `parameter_rejected` (413). The body is left for the handler. */
export async function writeForwarded(request: Request, origin: string | undefined): Promise<string> {
  const { method, url, headers } = request;
  const { pathname, search } = new URL(url);
  const isForm = request.body !== null && isSignedForm(headers.get("content-type"));
  const text = JSON.stringify({
    method,
    url: new URL(origin ?? url).origin + pathname + search,
    authorization: headers.get("authorization") ?? undefined,
    form: isForm ? await request.clone().text() : undefined,
  });
  const written = prefix + base64url(new TextEncoder().encode(text));
  if (written.length <= maxLength) return written;
  throw new OAuth1Problem("parameter_rejected", "the signed part of the request is too long", { status: 413 });
}

/** Reads one; nothing if it is something else, or cannot be a request. */
export function readForwarded(token: string): Request | undefined {
  const bytes = token.startsWith(prefix) ? fromBase64url(token.slice(prefix.length)) : undefined;
  try {
    const { method, url, authorization, form } = JSON.parse((bytes && decodeUtf8(bytes)) ?? "") as Record<
      string,
      string
    >;
    if (typeof url !== "string" || !/^https?:$/.test(new URL(url).protocol)) return undefined;
    const headers = new Headers();
    if (authorization !== undefined) headers.set("Authorization", authorization);
    if (form !== undefined) headers.set("Content-Type", "application/x-www-form-urlencoded");
    return new Request(url, {
      ...(method === undefined ? {} : { method }),
      headers,
      ...(form === undefined ? {} : { body: form }),
    });
  } catch {
    return undefined;
  }
}
