/**
 * How the issuer that was found differs from the one that is configured, and what to write instead.
 *
 * RFC 8414 §3.3, OpenID Connect Discovery §4.3, RFC 9207 §2.4: compared as text, nothing normalised.
 * Guarantees that a value from outside is shown as it would be written, short and printable.
 */
import { shown } from "./refusal.ts";

/** Says what to do about an issuer that is not the configured one; `got` comes from outside. */
export function issuerFix(got: unknown, expected: string): string {
  if (typeof got !== "string" || got === "") {
    return "The document names no issuer: it is not a discovery document. Compare the issuer with the provider's documentation.";
  }
  const write = `write issuer: "${shown(got).slice(0, 200)}", exactly so`;
  if (/\{\w+\}/.test(got)) {
    return `One document for many issuers: add issuer_template: "${shown(got).slice(0, 200)}" to the provider, or configure the issuer of a single tenant.`;
  }
  if (withoutSlash(got) === withoutSlash(expected)) return `They differ in the slash at the end only: ${write}.`;
  if (got.toLowerCase() === expected.toLowerCase()) return `They differ in upper and lower case only: ${write}.`;
  if (!URL.canParse(got) || !URL.canParse(expected))
    return "The provider calls itself by something that is no URL: it cannot be used.";
  const [there, here] = [new URL(got), new URL(expected)];
  if (there.host === here.host && there.protocol !== here.protocol) {
    return `They differ in the scheme (${there.protocol.slice(0, -1)}, not ${here.protocol.slice(0, -1)}): ${write}; or tell the provider its public address, if it stands behind a proxy that ends TLS.`;
  }
  if (there.host === here.host)
    return `They differ in the path (realm, tenant, version): if it is the one you mean, ${write}.`;
  return `They are on different hosts: if that is the provider you mean, ${write}; if the provider is behind a proxy, tell it its public address.`;
}

const withoutSlash = (text: string): string => text.replace(/\/$/, "");
