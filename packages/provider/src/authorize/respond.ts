/**
 * Sends the answer to an authorization request to its target, by the target's response mode.
 *
 * RFC 6749 §4.1.2 and §4.1.2.1, RFC 9207 §2 (`iss`), RFC 9700 §4.2 (referrer), §4.11.2 (open redirector), §4.12 (303).
 * Guarantees exactly one `iss` in every answer, `state` as it was sent, and no change to the registered URI's own query.
 */
import type { OAuthError } from "@valetkey/protocol/errors";
import { encodeForm } from "@valetkey/protocol/form";
import { refusedIn } from "../lib/refused-scope.ts";
import type { Op } from "../op.ts";
import type { Parameters } from "../response-modes/response-mode.ts";
import type { Target } from "./trusted-target.ts";

/** Sends these parameters, `state` and `iss` to the target. `cookies` are `Set-Cookie` values. */
export async function respond(
  op: Op,
  target: Target,
  parameters: Parameters,
  cookies: readonly string[] = [],
): Promise<Response> {
  return withCookies(await target.mode.send(op, target, complete(op, target, parameters)), cookies);
}

/**
 * Tells the client about an error: by its response mode, or, where nobody is signed in and the policy does not trust the client
 * that far, on a page with a link that the person may follow.
 */
export async function refuse(
  op: Op,
  request: Request,
  target: Target,
  error: OAuthError,
  { signedIn, cookies = [] }: { signedIn: boolean; cookies?: readonly string[] },
): Promise<Response> {
  const { client, mode } = target;
  const fields = { event: "authorize.refused", client_id: client.client_id, error: error.error, ...refusedIn(error) };
  op.log.info(fields, error.description);
  const parameters = { error: error.error, error_description: error.description };
  if (op.errorRedirects({ client, signedIn })) return respond(op, target, parameters, cookies);
  const returnTo = await mode.link?.(op, target, complete(op, target, parameters));
  const page = await op.errorPage(request, {
    error: error.error,
    description: error.description,
    status: 400,
    ...(returnTo === undefined ? {} : { returnTo }),
  });
  return withCookies(page, cookies);
}

function complete(op: Op, { state }: Target, parameters: Parameters): Parameters {
  return { ...parameters, state, iss: op.issuer };
}

/** Appends parameters to a URL without touching what is there. */
export function appendQuery(url: string, parameters: Readonly<Record<string, string | undefined>>): string {
  const query = encodeForm(parameters);
  if (query === "") return url;
  const separator = !url.includes("?") ? "?" : /[?&]$/.test(url) ? "" : "&";
  return `${url}${separator}${query}`;
}

function withCookies(response: Response, cookies: readonly string[]): Response {
  if (cookies.length === 0) return response;
  const { body, status, headers } = response;
  const copy = new Response(body, { status, headers });
  for (const cookie of cookies) copy.headers.append("Set-Cookie", cookie);
  return copy;
}
