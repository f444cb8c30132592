/**
 * The contenders: each checks one token, as a middleware or a function, and fails loudly if it does not pass.
 */
import assert from "node:assert/strict";
import { createPublicKey, type JsonWebKeyInput, verify } from "node:crypto";
import type { JwsAlgorithm } from "@valetkey/protocol/jose";
import { protectResource } from "@valetkey/resource/node";
import { auth, requiredScopes } from "express-oauth2-jwt-bearer";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { audience, type BenchIssuer } from "./resource-issuer.ts";

/** What Express and our adapter for Node have in common. */
export type Middleware = (request: never, response: never, next: (error?: unknown) => void) => unknown;

/** The least that both read of a request. */
export const requestWith = (token: string) => {
  const headers = { authorization: `Bearer ${token}`, host: "api.example.org", accept: "application/json" };
  const rawHeaders = Object.entries(headers).flat();
  const get = (name: string) => (headers as Readonly<Record<string, string>>)[name.toLowerCase()];
  return { method: "GET", protocol: "https", url: "/profile", headers, rawHeaders, query: {}, is: () => false, get };
};

/** Our middleware: each signature verified, with verified tokens kept, and by introspection with answers kept. */
export function oursFor({ issuer }: BenchIssuer): Record<"each" | "kept" | "introspected", Middleware> {
  const guard = (more: object) => protectResource({ issuer, audience, ...more }).requireOAuth("profile");
  const introspection = { client_id: "api", client_secret: "secret", cacheFor: "5m" };
  return { each: guard({ verifiedTokens: 0 }), kept: guard({}), introspected: guard({ introspection }) };
}

/** Auth0's middleware, and the one of its own that checks the scope. */
export function theirs({ issuer }: BenchIssuer, alg: JwsAlgorithm): Middleware {
  const check = auth({ issuerBaseURL: issuer, audience, tokenSigningAlg: alg }) as Middleware;
  const scopes = requiredScopes("profile") as Middleware;
  return (request, response, next) =>
    check(request, response, (error) => (error === undefined ? scopes(request, response, next) : next(error)));
}

/** `jose` alone: what somebody writes who writes it by hand. */
export function joseFor({ issuer }: BenchIssuer): Middleware {
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`));
  return async ({ headers: { authorization = "" } }: { headers: { authorization?: string } }, _, next) => {
    const options = { issuer, audience, typ: "at+jwt" };
    const { payload } = await jwtVerify(authorization.slice(7), keys, options);
    next(String(payload.scope).split(" ").includes("profile") ? undefined : new Error("scope"));
  };
}

/** Nothing but the signature, in one call of `node:crypto`. */
export function signatureFor({ key, token }: BenchIssuer, alg: JwsAlgorithm): () => void {
  const publicKey = createPublicKey({ key: { ...key.publicJwk }, format: "jwk" } as JsonWebKeyInput);
  const [header, payload, signature = ""] = token.split(".");
  const [data, bytes] = [Buffer.from(`${header}.${payload}`), Buffer.from(signature, "base64url")];
  const digest = alg === "EdDSA" ? null : "sha256";
  return () => assert.ok(verify(digest, data, { key: publicKey, dsaEncoding: "ieee-p1363" }, bytes));
}

/** Runs a middleware once; what does not let the token in stops the benchmark. */
export function passes(middleware: Middleware, token: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = () => reject(new Error("the token was refused"));
    const response = { setHeader: refuse, end: refuse, write: refuse, once: () => 0, off: () => 0, destroy: refuse };
    const next = (error?: unknown) => (error === undefined ? resolve() : reject(error));
    void Promise.resolve(middleware(requestWith(token) as never, response as never, next)).catch(reject);
  });
}
