/**
 * Consent: what a person allowed a client, remembered per person and client (OpenID Connect Core §3.1.2.4, RFC 6749 §10.2).
 *
 * Guarantees that nothing is taken for allowed that was not ticked for the very same resource, that `firstParty` never
 * helps a client a stranger registered, and that a box left unticked is forgotten as well as not granted.
 */
import { isSubset } from "@valetkey/protocol/scope";
import type { Change } from "@valetkey/store";
import { claimsBeyond } from "./authorize/check-claims.ts";
import { destinationOf } from "./authorize/destination.ts";
import { type Client, isStranger } from "./clients.ts";
import { type AuthorizationRequest, type ConsentData, consentId, insert, type Known, replace } from "./entries.ts";
import type { Op } from "./op.ts";

type Asked = Pick<
  AuthorizationRequest,
  "scope" | "resource" | "redirect_uri" | "claims" | "authorization_details" | "approval"
>;

/** Tells whether the person need not be asked: an administrator vouched for the client, or all of it was allowed before. */
export function isConsented(op: Op, client: Client, asked: Asked, consent: Known<"consent"> | undefined): boolean {
  // RFC 8628 §5.4, RFC 10027: only the person can tell whether it is their own device that asks, whoever vouches for the client.
  if (asked.approval !== undefined) return false;
  // Whoever registers a client may not vouch for it (CN-06), whatever the flag says.
  if (client.firstParty && !isStranger(client)) return true;
  // RFC 8252 §8.6: any program on the computer can take this answer; only the person can tell who asks.
  if (!client.confidential && isForAnybodyHere(asked.redirect_uri)) return false;
  // RFC 9396 §8: what is asked for in detail is for this one time.
  if (asked.authorization_details !== undefined) return false;
  if (consent === undefined || isOutdated(client, consent)) return false;
  if (!isSubset(claimsBeyond(op, asked.claims, asked.scope), consent.data.claims ?? [])) return false;
  return Object.entries(perResource(op, asked)).every(([resource, scopes]) => {
    const allowed = allowedAt(consent, resource);
    return allowed !== undefined && isSubset(scopes, allowed);
  });
}

/** The document of the client has changed since: whatever was allowed was allowed to what it said then. */
export function isOutdated({ changedAt }: Client, consent: Known<"consent"> | undefined): boolean {
  return consent !== undefined && changedAt !== undefined && consent.data.updatedAt < changedAt;
}

/** The answer goes to whichever program on the person's computer listens on the port, or claims the scheme. */
function isForAnybodyHere(redirect_uri: string): boolean {
  const { loopback, scheme } = destinationOf(redirect_uri);
  return loopback || scheme !== undefined;
}

/** Tells whether one of the scopes asked for was allowed before, everywhere it is asked for. */
export function isScopeConsented(op: Op, asked: Asked, scope: string, consent: Known<"consent"> | undefined): boolean {
  if (consent === undefined) return false;
  return Object.entries(perResource(op, asked)).every(
    ([resource, scopes]) => !scopes.includes(scope) || allowedAt(consent, resource)?.includes(scope) === true,
  );
}

/** Makes the change that remembers a decision: what was ticked is added, what was asked and not ticked is taken away. */
export function rememberConsent(
  op: Op,
  decision: { subject: string; client: Client; asked: Asked; scopes: readonly string[]; now: number },
  consent: Known<"consent"> | undefined,
): Change {
  const { subject, client, asked, scopes, now } = decision;
  const { client_id } = client;
  // What was allowed to what the client was before is not allowed anew by allowing something else.
  const earlier = isOutdated(client, consent) ? undefined : consent;
  const allowed: Record<string, readonly string[]> = { ...earlier?.data.allowed };
  for (const [resource, here] of Object.entries(perResource(op, asked))) {
    const before = (earlier && allowedAt(earlier, resource)) ?? [];
    const ticked = here.filter((scope) => scopes.includes(scope));
    allowed[resource] = [...before.filter((scope) => !here.includes(scope)), ...ticked];
  }
  const claims = [...new Set([...(earlier?.data.claims ?? []), ...claimsBeyond(op, asked.claims, asked.scope)])].sort();
  const data: ConsentData = { allowed, updatedAt: now, ...(claims.length === 0 ? {} : { claims }) };
  if (consent !== undefined) return replace(consent, { data });
  return insert("consent", { id: consentId(subject, client_id), client: client_id, subject, data });
}

/** Lists the scopes of a consent, whatever they are for. */
export function consentedScopes(consent: Known<"consent">): string[] {
  return [...new Set(Object.values(consent.data.allowed).flat())];
}

/** Sorts the scopes asked for by where they count: each resource's own, and under `""` all that no asked resource defines. */
function perResource(op: Op, { scope, resource }: Pick<Asked, "scope" | "resource">): Record<string, string[]> {
  const sorted: Record<string, string[]> = {};
  for (const one of resource) {
    const known = op.resources.get(one)?.scopes ?? [];
    sorted[one] = scope.filter((name) => known.includes(name));
  }
  const elsewhere = Object.values(sorted).flat();
  sorted[""] = scope.filter((name) => !elsewhere.includes(name) || Object.hasOwn(op.scopes, name));
  return sorted;
}

function allowedAt(consent: Known<"consent">, resource: string): readonly string[] | undefined {
  return Object.hasOwn(consent.data.allowed, resource) ? consent.data.allowed[resource] : undefined;
}
