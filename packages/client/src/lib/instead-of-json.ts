/**
 * What an endpoint sent where a JSON object was expected, in words: a web page, a form, nothing, a redirect.
 *
 * RFC 6749 §5.1. Guarantees that nothing of the answer itself is repeated: it may hold a token.
 */
import { UnreadableResponse } from "@valetkey/protocol/read-json";

/** What came and what to do about it. */
export interface Unreadable {
  readonly got: string;
  readonly fix: string;
}

/** Says what came. `cause` is why it could not be read, if that was tried. */
export function insteadOfJson(response: Response, text: string, cause?: unknown): Unreadable {
  const { status } = response;
  const type = (response.headers.get("content-type") ?? "no Content-Type").replace(/\p{C}/gu, " ").slice(0, 60);
  const says = (what: string, fix: string): Unreadable => ({ got: `${status} with ${what} (${type})`, fix });
  const to = response.headers.get("location");
  if (status >= 300 && status < 400) {
    return says(
      `a redirect to ${to === null ? "nowhere" : placeOf(to, response)}`,
      "Redirects are not followed. Write the final address: the issuer as it calls itself, https, with or without www and path.",
    );
  }
  if (/^\s*</.test(text)) {
    return says(
      "a web page",
      "The address leads to a web page: a wrong path, a login page, a firewall or a captive portal. Open it with curl from this machine; JSON must come.",
    );
  }
  if (text.trim() === "")
    return says(
      "an empty body",
      "The address is probably not that of the endpoint: compare it with the provider's documentation.",
    );
  if (/^[\w.-]+=[^\s{}]*$/.test(text.trim())) {
    return says(
      "a form",
      "The endpoint answers with a form instead of JSON (RFC 6749 §5.1): switch it to JSON at the provider, or give createOAuth a fetch that turns the form into JSON.",
    );
  }
  const why = cause instanceof UnreadableResponse ? `: ${cause.message}` : "";
  return says(
    `something else than a JSON object${why}`,
    "Compare the address with the provider's documentation, and look at its answer with curl.",
  );
}

/** Origin and path only. */
function placeOf(location: string, { url }: Response): string {
  const base = url === "" ? undefined : url;
  if (!URL.canParse(location, base)) return "an address that cannot be read";
  const { origin, pathname } = new URL(location, base);
  return origin + pathname.slice(0, 200);
}
