/**
 * OAuth 1.0a in a configuration: `oauth1: true`, or a value for whoever wants other methods or lifetimes (RFC 5849).
 */
import { type OAuth1, oauth1 } from "@valetkey/provider/oauth1";

/** Makes the value; nothing where OAuth 1.0a is not wanted. */
export function oauth1Of(setting: boolean | OAuth1 | undefined): OAuth1 | undefined {
  return setting === true ? oauth1() : setting === false ? undefined : setting;
}

/** Tells whether something can be such a value. */
export function isOAuth1(value: unknown): value is OAuth1 {
  if (typeof value !== "object" || value === null) return false;
  const { signatureMethods, endpoints, approval } = value as Partial<Record<keyof OAuth1, unknown>>;
  return Array.isArray(signatureMethods) && Array.isArray(endpoints) && typeof approval === "object";
}

/** The methods a client has that names none: those of its kind of key, the older ones too, which every library has. */
export const methodsFor = (key: "secret" | "public key"): string[] =>
  key === "secret" ? ["HMAC-SHA256", "HMAC-SHA1"] : ["RSA-SHA256", "RSA-SHA1"];

/** Tells whether a client of OAuth 1.0a has a secret (RFC 5849 §3.4). */
export const signsWithSecret = (oauth1_signature_methods: unknown): boolean =>
  Array.isArray(oauth1_signature_methods) &&
  oauth1_signature_methods.some((method) => !String(method).startsWith("RSA-"));
