/**
 * Writes a JSON answer (RFC 8259). The one property: unless it says `maxAge`, no cache keeps it (RFC 6749 §5.1).
 */
import { TextResponse } from "@valetkey/protocol/text-response";

/** Answers a value as JSON. `maxAge`: seconds for which anybody may cache it. */
export function jsonResponse(
  value: unknown,
  {
    status = 200,
    maxAge,
    type = "application/json",
    headers = {},
  }: { status?: number; maxAge?: number; type?: string; headers?: Readonly<Record<string, string>> } = {},
): Response {
  const caching =
    maxAge === undefined
      ? { "Cache-Control": "no-store", Pragma: "no-cache" }
      : { "Cache-Control": `public, max-age=${maxAge}` };
  return new TextResponse(JSON.stringify(value), {
    status,
    headers: { "Content-Type": type, "X-Content-Type-Options": "nosniff", ...caching, ...headers },
  });
}

/** Answers a JWT, never cached. */
export function jwtResponse(jwt: string, type = "application/jwt"): Response {
  return new TextResponse(jwt, {
    headers: {
      "Content-Type": type,
      "X-Content-Type-Options": "nosniff",
      "Cache-Control": "no-store",
      Pragma: "no-cache",
    },
  });
}
