/**
 * Which resources an access token is for, and which of the granted scopes it carries there (RFC 8707 §2, RFC 9068 §3).
 *
 * Guarantees that a token is for resources only that the grant names, all with the same form of token, and carries no
 * scope its resources do not know.
 */
import { invalidTarget } from "@valetkey/protocol/errors";
import { type Form, formValues } from "@valetkey/protocol/form";
import { isSubset } from "@valetkey/protocol/scope";
import type { Op, Resource } from "./op.ts";

/** What an access token will be for. `resource` empty: the issuer itself (userinfo). */
export interface Audience {
  readonly resource: readonly string[];
  readonly scope: readonly string[];
}

/**
 * Chooses the audience from what the token request asks for and what was granted. Resources that are unknown, not
 * granted, or that want different forms of token are `invalid_target`.
 */
export function chooseAudience(
  op: Pick<Op, "issuer" | "resources">,
  form: Form,
  granted: { readonly scope: readonly string[]; readonly resource: readonly string[] },
): Audience {
  const asked = [...new Set(formValues(form, "resource"))];
  const resource = asked.length > 0 ? checkAsked(op, asked, granted.resource) : withoutAsking(op, granted);
  if (resource.length === 0) return { resource, scope: granted.scope };
  const known = resource.flatMap((one) => op.resources.get(one)?.scopes ?? []);
  return { resource, scope: granted.scope.filter((scope) => known.includes(scope)) };
}

/** The form the tokens of these resources have; those for the issuer itself are opaque. */
export function tokenForm(op: Pick<Op, "resources">, resource: readonly string[]): Resource["tokens"] {
  return op.resources.get(resource[0] ?? "")?.tokens ?? "opaque";
}

function checkAsked(
  op: Pick<Op, "issuer" | "resources">,
  asked: readonly string[],
  granted: readonly string[],
): readonly string[] {
  if (asked.length === 1 && asked[0] === op.issuer) return [];
  if (!asked.every((one) => op.resources.has(one))) throw invalidTarget("a resource is not known here");
  if (!isSubset(asked, granted)) throw invalidTarget("a resource is not among those that were granted");
  if (!sameForm(op, asked)) throw invalidTarget("these resources need different access tokens: ask for one at a time");
  return asked;
}

function withoutAsking(
  op: Pick<Op, "resources">,
  { scope, resource }: { readonly scope: readonly string[]; readonly resource: readonly string[] },
): readonly string[] {
  // A client that signs people in and names no resource wants to go to userinfo.
  if (scope.includes("openid")) return [];
  // RFC 9068 §3, RFC 8707 §2: most clients know no resources. Scopes that one resource alone knows say which is meant.
  if (resource.length === 0) {
    const meant = [...op.resources.values()].filter(({ scopes }) => scope.some((one) => scopes.includes(one)));
    return meant.length === 1 ? meant.map((one) => one.resource) : [];
  }
  const known = resource.filter((one) => op.resources.has(one));
  return sameForm(op, known) ? known : [];
}

function sameForm(op: Pick<Op, "resources">, resource: readonly string[]): boolean {
  const forms = resource.map((one) => {
    const { tokens, alg } = op.resources.get(one) ?? {};
    return `${tokens} ${alg}`;
  });
  return new Set(forms).size <= 1;
}
