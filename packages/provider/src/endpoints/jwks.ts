/**
 * The key set others verify our signatures with (RFC 7517 §5, OpenID Connect Core §10.1.1).
 *
 * Guarantees that it holds public members only, and that a key is in it for longer than this answer may be cached
 * before it signs.
 */
import { jwksMaxAge } from "../keys.ts";
import { jsonResponse } from "../lib/json-response.ts";
import type { Op } from "../op.ts";

/** Answers with the public keys. */
export async function jwksEndpoint(op: Op): Promise<Response> {
  return jsonResponse(await op.keys.published(), { maxAge: jwksMaxAge, type: "application/jwk-set+json" });
}
