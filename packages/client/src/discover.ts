/**
 * Finds out where an issuer's endpoints are.
 *
 * OpenID Connect Discovery §4.1 and §4.3, RFC 8414 §3.
 * Guarantees that the document is about the issuer that was asked for, and that every endpoint in it is https, or http on
 * loopback if the issuer itself is there.
 */
import { checkIssuer, type ServerMetadata, type WellKnown, wellKnown } from "@valetkey/protocol/metadata";
import { type Fetch, readJsonObject } from "@valetkey/protocol/read-json";
import { ClientError } from "./client-error.ts";
import { ask } from "./lib/ask.ts";
import { insteadOfJson } from "./lib/instead-of-json.ts";
import { issuerFix } from "./lib/issuer-difference.ts";
import { isTemplate } from "./lib/issuer-template.ts";
import { readSecureUrl } from "./lib/secure-url.ts";
import { shownValue } from "./lib/shown-value.ts";

export interface DiscoverOptions {
  readonly fetch?: Fetch;
  /** What the issuer's document lacks or gets wrong, set over it. */
  readonly metadata?: Partial<Omit<ServerMetadata, "issuer">>;
  /**
   * What the document calls itself where many issuers share one: see `issuer_template` of `oidc`. The `issuer` of what is given
   * is the one that was asked for: assertions and request objects are for it.
   */
  readonly issuer_template?: string;
  /** Milliseconds; default 10000. */
  readonly timeoutMs?: number;
}

const documents = ["openid-configuration", "oauth-authorization-server"] as const;

/**
 * Fetches the issuer's metadata: OpenID Connect's document, or RFC 8414's where there is none.
 * Another issuer's document, or one with missing or unsafe endpoints, is `metadata_invalid`; an outage is `issuer_unavailable`.
 *
 * @example const metadata = await discover("https://id.example.org");
 */
export async function discover(issuer: string, options: DiscoverOptions = {}): Promise<ServerMetadata> {
  checkIssuer(issuer, { allowLoopbackHttp: true });
  const { fetch = globalThis.fetch, timeoutMs = 10_000 } = options;
  for (const document of documents) {
    const found = await read(fetch, wellKnown(issuer, document), timeoutMs);
    const { issuer_template } = options;
    if (found !== undefined) {
      const about = { document, ...(issuer_template === undefined ? {} : { issuer_template }) };
      const metadata = checkMetadata({ ...found, ...options.metadata }, issuer, about);
      // RFC 10070: what is signed for the issuer is for the one that was configured, not for a text with braces in it.
      return issuer_template === undefined ? metadata : { ...metadata, issuer };
    }
  }
  const [first, second] = documents.map((document) => wellKnown(issuer, document).href);
  throw new ClientError("metadata_invalid", `${issuer} has no discovery document: ${first} and ${second} are 404`, {
    fix: "Write the issuer as the provider's documentation has it, with realm, tenant or version in the path and nothing more. A service without discovery is named with oauth2() instead.",
  });
}

async function read(fetch: Fetch, url: URL, timeoutMs: number): Promise<Record<string, unknown> | undefined> {
  const init = { headers: { Accept: "application/json" }, timeoutMs };
  const { response, text } = await ask(fetch, url, init, "metadata_invalid");
  if (response.status === 404) return undefined;
  if (response.status !== 200) {
    const { got, fix } = insteadOfJson(response, text);
    throw new ClientError("metadata_invalid", `${url.href} answered ${got}, expected 200 with a JSON object`, { fix });
  }
  try {
    return await readJsonObject(new Response(text));
  } catch (cause) {
    const { got, fix } = insteadOfJson(response, text, cause);
    throw new ClientError("metadata_invalid", `${url.href} answered ${got}, expected a JSON object`, { cause, fix });
  }
}

type Document = Exclude<WellKnown, "oauth-protected-resource">;

const endpoints = [
  "authorization_endpoint",
  "token_endpoint",
  "jwks_uri",
  "userinfo_endpoint",
  "revocation_endpoint",
  "introspection_endpoint",
  "end_session_endpoint",
  "pushed_authorization_request_endpoint",
] as const;
/** RFC 8414 §2: a server without ID tokens needs no keys, one without people no authorization endpoint. */
const required: Readonly<Record<Document, readonly string[]>> = {
  "openid-configuration": ["authorization_endpoint", "token_endpoint", "jwks_uri"],
  "oauth-authorization-server": ["token_endpoint"],
};
const lists = [
  "code_challenge_methods_supported",
  "scopes_supported",
  "token_endpoint_auth_methods_supported",
] as const;

/** Checks a metadata document, wherever it came from, as `discover` does. */
export function checkMetadata(
  found: Readonly<Record<string, unknown>>,
  issuer: string,
  about: { readonly document?: Document; readonly issuer_template?: string } = {},
): ServerMetadata {
  const { document = "openid-configuration", issuer_template: template } = about;
  // RFC 8414 §3.3: compared as text, nothing normalised.
  if (template === undefined ? found.issuer !== issuer : !isTemplate(found.issuer, template)) {
    throw new ClientError(
      "metadata_invalid",
      `the document is about another issuer: expected ${template ?? issuer}, got ${shownValue(found.issuer)}`,
      { fix: issuerFix(found.issuer, template ?? issuer) },
    );
  }
  const allowLoopbackHttp = issuer.startsWith("http:");
  for (const name of endpoints) {
    const value = found[name];
    if (value === undefined && !required[document].includes(name)) continue;
    if (readSecureUrl(value, allowLoopbackHttp) === undefined) {
      const got = value === undefined ? "nothing" : shownValue(value);
      const fix =
        value === undefined
          ? `Have the provider publish it, or add metadata: { ${name}: "https://..." } to the provider. A service that is no OpenID Connect issuer is named with oauth2() instead.`
          : /^http:/.test(got)
            ? "The provider thinks that it is reached by http: tell it its public https address, or have its proxy send X-Forwarded-Proto."
            : `Correct it at the provider, or add metadata: { ${name}: "https://..." } to the provider here.`;
      throw new ClientError("metadata_invalid", `${name} of ${issuer} must be an https URL, got ${got}`, { fix });
    }
  }
  for (const name of lists) {
    const value = found[name];
    if (value !== undefined && !(Array.isArray(value) && value.every((one) => typeof one === "string"))) {
      throw new ClientError("metadata_invalid", `${name} of ${issuer} must be a list of strings`);
    }
  }
  return found as unknown as ServerMetadata;
}
