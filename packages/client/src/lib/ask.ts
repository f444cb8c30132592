/**
 * One exchange with a provider's endpoint: bounded in time and size, no redirect followed, outages told from answers.
 *
 * RFC 9110 §10.2.3 (Retry-After), RFC 6585 §4 (429).
 * Guarantees that a network failure, a timeout, 429 and 5xx are `issuer_unavailable`: never a verdict on a token.
 */
import { type Fetch, fetchText, UnreadableResponse } from "@valetkey/protocol/read-json";
import { ClientError, type ClientErrorCode } from "../client-error.ts";
import { networkCause } from "./network-cause.ts";

/** Longest `Retry-After` that is believed, in seconds. */
const longestWait = 60;

/** Sends a request and gives back status and text. `invalid` is the code of an answer that cannot be read; `secret` is in no message. */
export async function ask(
  fetch: Fetch,
  url: string | URL,
  init: RequestInit & { readonly timeoutMs?: number; readonly secret?: string },
  invalid: ClientErrorCode,
): Promise<{ readonly response: Response; readonly text: string }> {
  const { timeoutMs, secret, ...request } = init;
  let answer: { readonly response: Response; readonly text: string };
  try {
    answer = await fetchText(fetch, url, request, {
      redirect: "manual",
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
  } catch (cause) {
    if (cause instanceof UnreadableResponse && !isOutage(cause.status)) {
      throw new ClientError(invalid, `${nameOf(url, secret)} gave an answer that cannot be read: ${cause.message}`, {
        cause,
        fix: "Compare the address with the provider's documentation, and look at its answer with curl.",
      });
    }
    const { got, fix } = networkCause(cause);
    throw new ClientError("issuer_unavailable", `${nameOf(url, secret)} cannot be reached: ${got}`, { cause, fix });
  }
  const { response } = answer;
  if (isOutage(response.status)) {
    throw new ClientError("issuer_unavailable", `${nameOf(url, secret)} answered ${response.status}`, {
      fix: "The provider, or a proxy before it, has trouble or has had enough of requests: see its log. Nothing to change here unless it lasts.",
      retryAfter: retryAfter(response.headers.get("retry-after")),
    });
  }
  return answer;
}

const isOutage = (status: number): boolean => status >= 500 || status === 429;

/** Origin and path only: a query may hold what no log should. Some services want the token in the path. */
export function nameOf(url: string | URL, secret = ""): string {
  const { origin, pathname } = new URL(url);
  if (secret === "") return origin + pathname;
  return origin + pathname.replaceAll(encodeURIComponent(secret), "<token>").replaceAll(secret, "<token>");
}

function retryAfter(header: string | null): number | undefined {
  if (header === null || !/^\d{1,9}$/.test(header.trim())) return undefined;
  return Math.min(Number(header), longestWait);
}
