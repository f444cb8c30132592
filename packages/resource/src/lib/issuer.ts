/**
 * What is known of the issuer while the API runs: where its keys and its introspection are, and the keys themselves.
 *
 * RFC 8414 §3, OpenID Connect Discovery §4, RFC 8725 §3.2.
 * Guarantees that an outage of the issuer neither lets a token pass unverified nor stops those whose keys are known, for at
 * most an hour; and that a document about another issuer is refused.
 */
import { serverError } from "@valetkey/protocol/errors";
import { createRemoteJwks, type Jwk, JwksUnavailable, type KeyResolver } from "@valetkey/protocol/jose";
import { keepDocument } from "@valetkey/protocol/kept-document";
import { type ServerMetadata, wellKnown } from "@valetkey/protocol/metadata";
import { type Fetch, fetchText, readJsonObject } from "@valetkey/protocol/read-json";
import { unavailable } from "./not-verified.ts";

/** Milliseconds for which keys that were good are used while the issuer cannot be asked for them. */
export const maxStaleKeys = 3_600_000;
const maxKids = 100;

export interface Issuer {
  metadata(): Promise<ServerMetadata>;
  readonly keys: KeyResolver;
}

export function createIssuer(issuer: string, ports: { readonly fetch: Fetch; readonly now: () => number }): Issuer {
  const { fetch, now } = ports;
  let remote: { readonly uri: string; readonly resolver: KeyResolver } | undefined;

  const found = keepDocument({
    read: () => discover(fetch, issuer),
    now,
    isOutage: (error) => !(error instanceof Wrong),
  });
  const metadata = async (): Promise<ServerMetadata> => {
    try {
      return await found();
    } catch (cause) {
      if (cause instanceof Wrong) throw serverError("the access token could not be checked", { cause });
      throw unavailable("the issuer does not answer at the moment", cause, 5);
    }
  };

  const current: KeyResolver = async (header) => {
    const { jwks_uri } = await metadata();
    if (jwks_uri === undefined) throw serverError("the access token could not be checked");
    if (remote?.uri !== jwks_uri) remote = { uri: jwks_uri, resolver: createRemoteJwks({ jwks_uri, fetch, now }) };
    return remote.resolver(header);
  };
  return { metadata, keys: rememberKeys(current, now) };
}

/** Remembers keys that were good, by `kid`, and uses them while the resolver has none to give. */
export function rememberKeys(resolver: KeyResolver, now: () => number): KeyResolver {
  const remembered = new Map<string, { readonly keys: readonly Jwk[]; readonly at: number }>();
  let isOut = false;

  const ask: KeyResolver = async (header) => {
    const kid = header.kid ?? "";
    try {
      const keys = await resolver(header);
      isOut = false;
      // A kid that is not there any more was retired: it must not come back in an outage.
      remembered.delete(kid);
      if (keys.length > 0) {
        if (remembered.size >= maxKids) remembered.delete(remembered.keys().next().value ?? "");
        remembered.set(kid, { keys, at: now() });
      }
      return keys;
    } catch (e) {
      isOut = e instanceof JwksUnavailable;
      const former = formerOf(kid);
      if (!isOut || former === undefined) throw e;
      return former;
    }
  };
  const formerOf = (kid: string): readonly Jwk[] | undefined => {
    const former = remembered.get(kid);
    return former === undefined || now() - former.at >= maxStaleKeys ? undefined : former.keys;
  };
  return (header) => {
    const former = isOut ? formerOf(header.kid ?? "") : undefined;
    const asked = ask(header);
    if (former === undefined) return asked;
    // One has waited in vain: who comes now need not, while the next attempt is under way.
    asked.catch(() => undefined);
    return Promise.resolve(former);
  };
}

/** The document is there and says something that must not be believed. */
class Wrong extends Error {}

async function discover(fetch: Fetch, issuer: string): Promise<ServerMetadata> {
  const document =
    (await read(fetch, wellKnown(issuer, "openid-configuration"))) ??
    (await read(fetch, wellKnown(issuer, "oauth-authorization-server")));
  if (document === undefined) throw new Wrong(`${issuer} has no discovery document`);
  // RFC 8414 §3.3: compared as text.
  if (document.issuer !== issuer) throw new Wrong(`the document is about ${String(document.issuer)}, not ${issuer}`);
  for (const name of ["jwks_uri", "introspection_endpoint"]) {
    const value = document[name];
    if (value !== undefined && !isSecureUrl(value, issuer))
      throw new Wrong(`${name} of ${issuer} must be an https URL`);
  }
  return document as unknown as ServerMetadata;
}

async function read(fetch: Fetch, url: URL): Promise<Record<string, unknown> | undefined> {
  const { response, text } = await fetchText(fetch, url, {}, { timeoutMs: 5_000, redirect: "manual" });
  if (response.status === 404) return undefined;
  if (response.status >= 500 || response.status === 429) throw new Error(`${url.href} answered ${response.status}`);
  if (response.status !== 200) throw new Wrong(`${url.href} answered ${response.status}`);
  try {
    return await readJsonObject(new Response(text));
  } catch (cause) {
    throw new Wrong(`${url.href} is not a JSON object`, { cause });
  }
}

/** Tells whether a URL may be used: an issuer on https keeps everything on https; http is for issuers on loopback, which stay there. */
export function isSecureUrl(value: unknown, issuer: string): boolean {
  if (typeof value !== "string" || !URL.canParse(value)) return false;
  const url = new URL(value);
  if (url.protocol === "https:") return true;
  return issuer.startsWith("http:") && url.protocol === "http:" && url.hostname === new URL(issuer).hostname;
}
