/**
 * Issuers that have a part of their own in their name, as the tenants of a directory have.
 *
 * OpenID Connect Core §3.1.3.7 step 2; Microsoft's documentation of issuer validation for applications of many tenants.
 * Guarantees that a token names exactly one issuer it can be from, and that a key which is said to be another issuer's does not
 * sign for it.
 */
import { JwtError, type KeyResolver } from "@valetkey/protocol/jose";

const placeholder = /\{(\w+)\}/g;

/** Puts claims into a template. A claim that is missing, or is more than a plain name, is a `JwtError`. */
export function fillTemplate(template: string, claims: Readonly<Record<string, unknown>>): string {
  return template.replace(placeholder, (_, name: string) => {
    const value = claims[name];
    if (typeof value === "string" && /^[\w-]{1,128}$/.test(value)) return value;
    throw new JwtError("issuer", `the claim ${name}, which names the issuer, is missing or malformed`);
  });
}

/** Tells whether an issuer's document is the one of a template: the same text, whatever its placeholders are called. */
export const isTemplate = (issuer: unknown, template: string): boolean =>
  typeof issuer === "string" && issuer.replace(placeholder, "{}") === template.replace(placeholder, "{}");

/** Tells whether an issuer is the one of a provider, or one of those its template stands for. */
export function isIssuerOf(
  provider: { readonly issuer: string; readonly issuer_template?: string | undefined },
  iss: string,
): boolean {
  const { issuer, issuer_template } = provider;
  if (issuer_template === undefined) return iss === issuer;
  const parts = issuer_template.split(/\{\w+\}/).map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${parts.join("[\\w-]{1,128}")}$`).test(iss);
}

/** Leaves only keys that are said to be this issuer's or everybody's: `issuer` is a member of keys in such a set. */
export function keysOf(keys: KeyResolver, template: string, issuer: string): KeyResolver {
  return async (header) =>
    (await keys(header)).filter(
      ({ issuer: of }) => of === undefined || of === issuer || (of !== undefined && isTemplate(of, template)),
    );
}
