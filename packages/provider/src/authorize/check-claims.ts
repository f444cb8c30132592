/**
 * The `claims` parameter: single claims a client asks for, beside or instead of those of scopes (OpenID Connect Core §5.5).
 *
 * Guarantees that what is kept names only claims that exist here, is bounded in size, and that a demand we would have to
 * ignore (`sub` of somebody else, an essential `acr`) is acted on or refused.
 */
import { invalidRequest } from "@valetkey/protocol/errors";
import type { ClaimRequest, ClaimsRequest } from "../entries.ts";
import type { Op } from "../op.ts";

const most = 16_384;

/** What the parameter asks for, as far as we know of it. */
export interface CheckedClaims {
  readonly claims?: ClaimsRequest;
  /** §5.5.1: the person who must be the one to answer. */
  readonly subject?: string;
  readonly acr?: { readonly values: readonly string[]; readonly essential: boolean };
}

/** Checks the parameter. Throws `invalid_request`. */
export function checkClaims(op: Op, claims: string | undefined): CheckedClaims {
  if (claims === undefined) return {};
  if (claims.length > most) throw invalidRequest(`claims is longer than ${most} characters`);
  const value = readObject(claims, "claims");
  const userinfo = readMember(value, "userinfo");
  const id_token = readMember(value, "id_token");
  const subjects = new Set(
    [userinfo.sub, id_token.sub].flatMap((one) => (typeof one?.value === "string" ? [one.value] : [])),
  );
  if (subjects.size > 1) throw invalidRequest("claims names two persons");
  const [subject] = subjects;
  const known = {
    ...(Object.keys(userinfo).length === 0 ? {} : { userinfo: onlyKnown(op, userinfo) }),
    ...(Object.keys(id_token).length === 0 ? {} : { id_token: onlyKnown(op, id_token) }),
  };
  const acr = readAcr(id_token.acr);
  return {
    ...(Object.keys(known).length === 0 ? {} : { claims: known }),
    ...(subject === undefined ? {} : { subject }),
    ...(acr === undefined ? {} : { acr }),
  };
}

/** Claims asked for one by one that none of the scopes releases: the person must be asked about those. */
export function claimsBeyond(
  op: Pick<Op, "claims">,
  claims: ClaimsRequest | undefined,
  scope: readonly string[],
): string[] {
  const released = new Set(scope.flatMap((one) => (Object.hasOwn(op.claims, one) ? (op.claims[one] ?? []) : [])));
  const asked = [...Object.keys(claims?.userinfo ?? {}), ...Object.keys(claims?.id_token ?? {})];
  return [...new Set(asked)].filter((name) => !released.has(name)).sort();
}

type Asked = Readonly<Record<string, ClaimRequest | null>>;

function readMember(value: Record<string, unknown>, name: string): Asked {
  const member = value[name];
  if (member === undefined || member === null) return {};
  if (typeof member !== "object" || Array.isArray(member)) throw invalidRequest(`claims.${name} must be an object`);
  const entries = Object.entries(member);
  if (entries.length > 100) throw invalidRequest(`claims.${name} asks for more than 100 claims`);
  for (const [claim, how] of entries) {
    if (how !== null && (typeof how !== "object" || Array.isArray(how)))
      throw invalidRequest(`claims.${name}.${claim} must be null or an object`);
  }
  return member as Asked;
}

function readObject(text: string, name: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Not JSON, or nested too deeply for the parser.
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalidRequest(`${name} must be a JSON object`);
  return value as Record<string, unknown>;
}

/** §5.5: claims that are not understood are ignored. */
function onlyKnown(op: Op, asked: Asked): Record<string, null> {
  const known = new Set(Object.values(op.claims).flat());
  return Object.fromEntries(
    Object.keys(asked)
      .filter((name) => known.has(name))
      .map((name) => [name, null]),
  );
}

/** §5.5.1.1: asked for as essential, one of the values must be met; otherwise they are a wish. */
function readAcr(acr: ClaimRequest | null | undefined): CheckedClaims["acr"] {
  if (acr === null || acr === undefined) return undefined;
  const given = [acr.value, ...(Array.isArray(acr.values) ? acr.values : [])];
  const values = given.filter((one): one is string => typeof one === "string" && one.length <= 200).slice(0, 20);
  return values.length === 0 ? undefined : { values, essential: acr.essential === true };
}
