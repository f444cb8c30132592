/**
 * The options of protectResource, read once.
 *
 * RFC 8414 §2 (issuers), RFC 9449 §9 (nonces), RFC 9728 §2.
 * Guarantees that a configuration that would protect nothing, or could send a token to an issuer that it is not from, stops the
 * program where it is written.
 */
import type { JwsAlgorithm } from "@valetkey/protocol/jose";
import { isLoopbackHost } from "@valetkey/protocol/loopback";
import { checkIssuer } from "@valetkey/protocol/metadata";
import type { Fetch } from "@valetkey/protocol/read-json";
import { checkClient, type IntrospectionOptions, readCacheBounds } from "./introspection.ts";
import type { BindingChecks } from "./lib/check-binding.ts";
import { checkNames } from "./lib/known-options.ts";
import { dpopNames, introspectionNames, issuerNames, resourceNames } from "./lib/option-names.ts";
import { createTokenSource, type SourceOptions, type TokenSource } from "./lib/token-source.ts";
import { type ResourceDescription, readResourceUrl } from "./metadata.ts";
import { type IsFirst, type ProofStore, seenInMemory, seenInStore } from "./seen-proofs.ts";
import type { ReadAccessToken } from "./verify-by-reading.ts";
import type { SignedTokens } from "./verify-jwt.ts";

/** One authorization server whose tokens count. */
export interface TrustedIssuer {
  /** Exactly as it calls itself. */
  readonly issuer: string;
  /** Credentials of this API at the issuer: with them opaque tokens are checked by introspection. */
  readonly introspection?: IntrospectionOptions;
  /**
   * What its opaque tokens begin with, e.g. `vk_access_`. Needed as soon as two issuers are introspected: a token goes to the issuer
   * whose prefix it has and to nobody else, for whoever is asked about a token could use it.
   */
  readonly prefix?: string;
  /** Signature algorithms accepted; default RS256, PS256, ES256, EdDSA, Ed25519. */
  readonly algorithms?: readonly JwsAlgorithm[];
  /** Which signed tokens are access tokens; default those of RFC 9068 (`at+jwt`). Others: `@valetkey/resource/unsafe`. */
  readonly signedTokens?: SignedTokens;
}

export interface DpopOptions {
  /** Signature algorithms of proofs; default ES256, PS256, EdDSA, Ed25519, ES384, RS256. */
  readonly algorithms?: readonly JwsAlgorithm[];
  /**
   * With it proofs must carry a nonce this API gave out (RFC 9449 §9). At least 32 characters, the same in all processes; of a list the
   * first makes nonces and all are accepted.
   */
  readonly nonceSecret?: string | readonly string[];
  /** Where used proofs are remembered: a store that all processes share. Default the memory of this process, see `seenInMemory`. */
  readonly store?: ProofStore;
}

/** Origins of pages as browsers write them: `https://app.example`, without a slash at the end. `"*"` is all of them. */
export type AllowedOrigins = "*" | readonly string[];

export interface ResourceOptions extends Partial<TrustedIssuer> {
  /** Several authorization servers, instead of `issuer`. */
  readonly issuers?: readonly TrustedIssuer[];
  /** What this API is called in `aud`, usually its URL. Compared as text. */
  readonly audience: string;
  /** For an API in the process of its own provider: `provider.tokens.read`. Then no token is checked in another way. */
  readonly read?: ReadAccessToken;
  /** Seconds by which clocks may differ, 0 to 60; default 30. */
  readonly clockTolerance?: number;
  /** How many tokens are remembered whose signature was verified; default 1000, 0 for none. Each is forgotten when keys change. */
  readonly verifiedTokens?: number;
  /**
   * Where this API is reached from outside, e.g. `https://api.example.org`, and the path a proxy takes off: what DPoP proofs must name.
   * Default the origin of the audience, if that is a URL.
   */
  readonly baseUrl?: string;
  /** Tokens bound to a DPoP key are taken without it; with it challenges say so too. */
  readonly dpop?: DpopOptions;
  /** With it `metadata` serves the RFC 9728 document of the audience, and challenges point there. `{}` is enough. */
  readonly metadata?: ResourceDescription;
  /** URL of the RFC 9728 document, if somebody else serves it. */
  readonly resource_metadata?: string;
  /** Pages elsewhere that may call an API on loopback, e.g. `https://app.example`, `"*"` for all; those on loopback always may. */
  readonly allowedOrigins?: AllowedOrigins;
  /** Default: the audience. */
  readonly realm?: string;
  readonly fetch?: Fetch;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

const defaultAlgorithms: readonly JwsAlgorithm[] = ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"];
const proofAlgorithms: readonly JwsAlgorithm[] = ["ES256", "PS256", "EdDSA", "Ed25519", "ES384", "RS256"];

/** The options, read. */
export interface Resource {
  readonly audience: string;
  readonly issuers: readonly string[];
  readonly source: TokenSource;
  readonly binding: BindingChecks;
  /** DPoP is announced, not only taken. */
  readonly announcesDpop: boolean;
  /** Where the API is, for proofs and for the guard on loopback. */
  readonly base: string | undefined;
  readonly isOnLoopback: boolean;
  readonly allowedOrigins: AllowedOrigins;
  /** Seconds. */
  readonly clockTolerance: number;
  readonly now: () => number;
}

/** Reads the options. A mistake is a `TypeError` that says what to write instead. */
export function readOptions(options: ResourceOptions): Resource {
  checkNames("protectResource", options, resourceNames, { resource: "audience" });
  // As on a route, where it is a demand; here it is how proofs are checked.
  if ((options.dpop as unknown) === "required")
    throw new TypeError('dpop: "required" belongs to a route: requireOAuth(scopes, { dpop: "required" })');
  checkNames("dpop", options.dpop, dpopNames);
  const { audience, read, clockTolerance = 30, verifiedTokens = 1000, dpop = {}, allowedOrigins = [] } = options;
  const { fetch = globalThis.fetch, now = Date.now } = options;
  if (typeof audience !== "string" || audience === "") throw new TypeError("audience must name this API");
  if (!(clockTolerance >= 0 && clockTolerance <= 60)) throw new TypeError("clockTolerance must be 0 to 60 seconds");
  if (!Number.isSafeInteger(verifiedTokens) || verifiedTokens < 0)
    throw new TypeError("verifiedTokens must be a number of tokens");
  const issuers = readIssuers(options);
  if (read !== undefined && issuers.length !== 1) throw new TypeError("read is for one issuer: its own provider");
  const base = readBase(options);
  if (options.dpop !== undefined && base === undefined)
    throw new TypeError("dpop needs baseUrl, for the audience is no URL: proofs name the URL they are for");
  if (options.metadata !== undefined) readResourceUrl(audience, "with metadata, audience");
  checkOrigins(allowedOrigins);
  const isFirst: IsFirst = dpop.store === undefined ? seenInMemory(now) : seenInStore(dpop.store);
  const nonceSecrets = readSecrets(dpop, audience);
  return {
    audience,
    issuers: issuers.map(({ issuer }) => issuer),
    source: createTokenSource({ issuers, audience, read, clockTolerance, verifiedTokens, fetch, now }),
    binding: { base, algorithms: dpop.algorithms ?? proofAlgorithms, nonceSecrets, isFirst, now },
    announcesDpop: options.dpop !== undefined,
    base,
    isOnLoopback: base !== undefined && isLoopbackHost(new URL(base).hostname),
    allowedOrigins,
    clockTolerance,
    now,
  };
}

function readIssuers(options: ResourceOptions): SourceOptions["issuers"] {
  const { issuer, issuers, introspection, prefix, algorithms, signedTokens } = options;
  if ((issuer === undefined) === (issuers === undefined)) throw new TypeError("write either issuer or issuers");
  const mixed = [introspection, prefix, algorithms, signedTokens].some((one) => one !== undefined);
  if (issuers !== undefined && mixed)
    throw new TypeError("with issuers, introspection, prefix, algorithms and signedTokens belong to each of them");
  const all = (issuers ?? [{ ...options, issuer: issuer ?? "" }]).map((one) => ({
    ...one,
    algorithms: one.algorithms ?? defaultAlgorithms,
  }));
  if (all.length === 0) throw new TypeError("issuers must not be empty");
  for (const one of issuers ?? []) checkNames("each of issuers", one, issuerNames);
  for (const one of all) {
    checkIssuer(one.issuer, { allowLoopbackHttp: true });
    if (one.algorithms.length === 0) throw new TypeError("algorithms must not be empty");
    if (one.signedTokens !== undefined && typeof one.signedTokens.check !== "function")
      throw new TypeError("signedTokens must be accessTokens, or one of those in @valetkey/resource/unsafe");
    if (one.introspection === undefined) continue;
    checkNames("introspection", one.introspection, introspectionNames);
    checkClient(one.introspection);
    readCacheBounds(one.introspection);
  }
  if (new Set(all.map((one) => one.issuer)).size !== all.length) throw new TypeError("an issuer is there twice");
  checkPrefixes(all.filter((one) => one.introspection !== undefined));
  return all;
}

/** Whatever no browser would write as an Origin would let nobody in. */
function checkOrigins(allowed: AllowedOrigins): void {
  const wrong = allowed === "*" ? undefined : allowed.find((origin) => !isOrigin(origin));
  if (wrong !== undefined)
    throw new TypeError(`allowedOrigins needs origins such as https://app.example, or "*" instead; got ${wrong}`);
}

// Extensions and editors have schemes of their own, of which URL knows no origin.
const isOrigin = (text: string): boolean =>
  /^https?:/.test(text)
    ? URL.canParse(text) && new URL(text).origin === text
    : /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@\\]+$/.test(text);

/** Of two introspecting issuers it must be clear whose a token is, without asking either. */
function checkPrefixes(asked: readonly TrustedIssuer[]): void {
  if (asked.length < 2) return;
  for (const { issuer, prefix = "" } of asked) {
    if (prefix === "")
      throw new TypeError(
        `${issuer} needs a prefix, for another issuer is introspected too: a token goes to its own only`,
      );
    const other = asked.find((one) => one.issuer !== issuer && one.prefix?.startsWith(prefix));
    if (other !== undefined) throw new TypeError(`the prefix of ${issuer} is the beginning of that of ${other.issuer}`);
  }
}

function readBase({ baseUrl, audience }: ResourceOptions): string | undefined {
  if (baseUrl === undefined)
    return /^https?:\/\//.test(audience) && URL.canParse(audience) ? new URL(audience).origin : undefined;
  if (!/^https?:\/\/[^?#]*$/.test(baseUrl) || !URL.canParse(baseUrl))
    throw new TypeError(`baseUrl must be an http(s) URL without query and fragment, got ${baseUrl}`);
  const { origin, pathname } = new URL(baseUrl);
  return origin + pathname.replace(/\/$/, "");
}

// RFC 9449 §8: one secret per role. Whatever else it is used for, what is made of it here means nothing there.
function readSecrets({ nonceSecret = [] }: DpopOptions, audience: string): readonly string[] {
  const secrets = typeof nonceSecret === "string" ? [nonceSecret] : nonceSecret;
  if (secrets.some((one) => one.length < 32)) throw new TypeError("dpop.nonceSecret must have at least 32 characters");
  return secrets.map((secret) => `resource ${audience} ${secret}`);
}
