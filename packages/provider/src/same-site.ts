/**
 * Refuses answers that another site sends in a person's name (RFC 6749 §10.12, RFC 9700 §4.7).
 *
 * The cookies are `SameSite=Lax` already; this is the second lock, on the two headers no page can forge.
 */
import { invalidRequest } from "@valetkey/protocol/errors";
import type { Op } from "./op.ts";

/**
 * Checks that a request which changes something was made by a page of ours: refuses as `invalid_request` what the browser
 * marks `cross-site`, and an `Origin` other than the issuer's or that of a configured page.
 */
export function checkSameSite(op: Op, request: Request): void {
  const site = request.headers.get("sec-fetch-site");
  const origin = request.headers.get("origin");
  // Pages with Referrer-Policy: no-referrer post with `Origin: null`; Sec-Fetch-Site then tells.
  const foreign = origin !== null && origin !== "null" && !origins(op).has(origin);
  if (site === "cross-site" || foreign) throw invalidRequest("this form was sent from another site");
}

function origins(op: Op): Set<string> {
  const urls = [op.issuer, ...Object.values(op.pages)];
  return new Set(urls.map((url) => new URL(url, op.issuer).origin));
}
