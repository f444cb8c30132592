/**
 * The checks every way to sign in shares, made before anybody signs in.
 *
 * RFC 6749 §2.3.1 and Appendix A.2, RFC 8414 §3, RFC 8707 §2, RFC 9700 §2.6.
 * Guarantees that a mistake is answered with what was given, what is expected and what to write, and never with a secret.
 */
import { checkIssuer } from "@valetkey/protocol/metadata";
import { ClientError } from "../client-error.ts";
import { readSecureUrl } from "./secure-url.ts";

/** Makes `configuration_invalid` with the name of the function and the provider in front. */
export type Fail = (message: string) => ClientError;

/** Checks a provider's name; gives the function that words its other mistakes. */
export function checkName(made: "oidc" | "oauth2" | "oauth1", name: string): Fail {
  const fail = (message: string) => new ClientError("configuration_invalid", `${made}("${name}"): ${message}`);
  if (/^[a-z0-9][a-z0-9_-]{0,63}$/.test(name)) return fail;
  const better = String(name)
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, "-")
    .replace(/^[-_]+|-+$/g, "")
    .slice(0, 64);
  throw fail(
    `a name is lower-case letters, digits, - and _: write "${better || "acme"}" (label is what the button says)`,
  );
}

/** Checks URL prefixes that tokens may go to. */
export function checkPrefixes(option: "resource" | "api", urls: readonly string[], fail: Fail): void {
  for (const one of urls) {
    // RFC 8707 §2: absolute, without fragment. A query has no place in a prefix.
    if (readSecureUrl(one, true) === undefined || /[?#]/.test(one)) {
      throw fail(`${option} must be https URLs without query and fragment (http on loopback), got ${one}`);
    }
  }
}

/** Checks endpoints: https, or http on loopback. Absent ones pass. */
export function checkEndpoints(endpoints: Readonly<Record<string, string | undefined>>, fail: Fail): void {
  for (const [name, url] of Object.entries(endpoints)) {
    if (url !== undefined && readSecureUrl(url, true) === undefined) {
      throw fail(`${name} must be an https URL (http on loopback), got ${url}`);
    }
  }
}

/** Checks an issuer as far as that is possible without asking it. */
export function checkIssuerOption(issuer: unknown, fail: Fail): void {
  try {
    checkIssuer(issuer, { allowLoopbackHttp: true });
  } catch (cause) {
    throw fail(`${cause instanceof Error ? cause.message : cause}${issuerHelp(issuer)}`);
  }
  const known = /^(.*?)\/?\.well-known\/[\w-]+(\/.*)?$/.exec(issuer);
  if (known !== null) {
    throw fail(
      `issuer must be without /.well-known/..., which is added when it is asked: write ${known[1]}${known[2] ?? ""}`,
    );
  }
}

function issuerHelp(issuer: unknown): string {
  if (typeof issuer !== "string") return ": pass issuer, e.g. https://id.example.org";
  if (/^http:/.test(issuer)) return `: write ${issuer.replace(/^http:/, "https:")}, the address people see`;
  return /^[\w.-]+(:\d+)?(\/|$)/.test(issuer) ? `: write it with the scheme, https://${issuer}` : "";
}

/** Options as the specifications spell them, by what people write instead. */
const spellings = [
  ...["client_id", "client_secret", "token_endpoint_auth_method", "private_key", "authorization_endpoint"],
  ...["token_endpoint", "response_type", "response_mode", "max_age", "acr_values", "scope_separator"],
  ...["authorization_params", "token_params", "id_token_signed_response_alg", "redirect_uri"],
];

/** Refuses options that are spelled in another way, which would count for nothing. */
export function checkSpelling(options: object, fail: Fail): void {
  for (const given of Object.keys(options)) {
    const plain = given.replaceAll(/[_-]/g, "").toLowerCase();
    if (["redirecturi", "callbackurl", "callback", "redirecturl"].includes(plain)) {
      throw fail(
        `there is no option ${given}: it is baseUrl of createOAuth and /auth/callback/ with the provider's name`,
      );
    }
    if (plain === "scopes")
      throw fail('there is no option scopes: write scope: "openid email", names separated by blanks');
    const meant = spellings.find((one) => one !== given && one.replaceAll("_", "") === plain);
    if (meant !== undefined) throw fail(`there is no option ${given}: write ${meant}`);
  }
}

/** Checks a credential for what is certain to be a mistake (RFC 6749 Appendix A.1 and A.2: printable ASCII only). */
export function checkCredential(name: "client_id" | "client_secret", value: string, fail: Fail): void {
  if (/[\r\n]/.test(value))
    throw fail(`${name} has a line break in it: take it off (a file is read with .trim(), a variable set without it)`);
  if (!/^[\x20-\x7e]*$/.test(value))
    throw fail(`${name} has a character that is no printable ASCII: copy it again from the provider`);
  if (["undefined", "null", "[object Object]"].includes(value)) {
    throw fail(`${name} is the text "${value}": the variable it was made from is not set`);
  }
}
