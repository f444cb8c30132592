/**
 * Rich authorization requests: types of `authorization_details` declared as values (RFC 9396).
 *
 * Guarantees that nothing is granted of a type nobody declared, that what is asked for is bounded in size and depth, and that a token
 * request can only ask for elements that were granted, word by word.
 */
import { invalidAuthorizationDetails } from "@valetkey/protocol/errors";
import { parseJson } from "@valetkey/protocol/read-json";
import type { Client } from "./clients.ts";
import type { Op } from "./op.ts";

/** One element of `authorization_details` (RFC 9396 §2). */
export interface AuthorizationDetail {
  readonly type: string;
  readonly [member: string]: unknown;
}

export interface AuthorizationDetailType {
  readonly type: string;
  /** Checks an element and gives it back as it will be granted. Throws `invalid_authorization_details`. */
  check(detail: AuthorizationDetail, client: Client): AuthorizationDetail;
  /** Says in words what it allows, a line each, for the consent page. */
  words(detail: AuthorizationDetail): readonly string[];
}

const longest = 16_384;
const most = 20;

/** Reads and checks the parameter (§5). Throws `invalid_authorization_details`. */
export function readDetails(
  op: Pick<Op, "authorizationDetails">,
  client: Client,
  text: string | undefined,
): readonly AuthorizationDetail[] | undefined {
  if (text === undefined) return undefined;
  if (op.authorizationDetails.size === 0)
    throw invalidAuthorizationDetails("authorization_details is not supported here");
  const registered = client.metadata.authorization_details_types;
  return parse(text).map((detail) => {
    const type = op.authorizationDetails.get(detail.type);
    const allowed = !Array.isArray(registered) || registered.includes(detail.type);
    if (type === undefined || !allowed)
      throw invalidAuthorizationDetails(
        "a type of authorization_details is not known here, or not for this application",
      );
    return type.check(detail, client);
  });
}

/** What a token request narrows the granted elements to (§6.1); all of them if it does not say. */
export function narrowDetails(
  granted: readonly AuthorizationDetail[] | undefined,
  text: string | undefined,
): readonly AuthorizationDetail[] | undefined {
  if (text === undefined) return granted;
  const all = new Set((granted ?? []).map(canonical));
  const asked = parse(text);
  if (!asked.every((one) => all.has(canonical(one))))
    throw invalidAuthorizationDetails("authorization_details asks for something that was not granted");
  return asked;
}

/** The words of elements for the consent page. */
export function wordsOfDetails(
  op: Pick<Op, "authorizationDetails">,
  details: readonly AuthorizationDetail[] = [],
): { readonly type: string; readonly words: readonly string[] }[] {
  return details.map((detail) => ({
    type: detail.type,
    words: op.authorizationDetails.get(detail.type)?.words(detail) ?? [detail.type],
  }));
}

function parse(text: string): AuthorizationDetail[] {
  if (text.length > longest)
    throw invalidAuthorizationDetails(`authorization_details is longer than ${longest} characters`);
  const value = parseJson(text, (message) => invalidAuthorizationDetails(`authorization_details: ${message}`));
  if (!Array.isArray(value) || value.length === 0 || value.length > most)
    throw invalidAuthorizationDetails(`authorization_details must be a JSON array of 1 to ${most} objects`);
  for (const one of value) {
    if (typeof one !== "object" || one === null || Array.isArray(one) || typeof one.type !== "string")
      throw invalidAuthorizationDetails("each element of authorization_details must be an object with a type");
  }
  return value as AuthorizationDetail[];
}

/** JSON with members in one order, to compare by. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
