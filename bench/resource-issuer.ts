/**
 * An issuer on loopback for the benchmark: its documents, its keys, introspection, and a token.
 */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { generateKey, type JwsAlgorithm, type SigningKey, signJwt } from "@valetkey/protocol/jose";

export const audience = "https://api.example.org";
export const opaque = "opaque-token-of-the-benchmark";

export interface BenchIssuer {
  readonly issuer: string;
  readonly key: SigningKey;
  readonly token: string;
}

/** Starts one that lives as long as the process. */
export async function startBenchIssuer(alg: JwsAlgorithm): Promise<BenchIssuer> {
  const key = await generateKey(alg);
  const now = Math.floor(Date.now() / 1000);
  const who = { aud: audience, sub: "alice", client_id: "app", jti: "a", scope: "profile photos:read" };
  let documents: Record<string, unknown> = {};
  const server = createServer((request, response) => {
    const document = documents[request.url ?? ""];
    request.resume();
    response.writeHead(document === undefined ? 404 : 200, { "Content-Type": "application/json" });
    response.end(JSON.stringify(document ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const claims = { iss: issuer, ...who, iat: now, exp: now + 3600 };
  documents = {
    "/.well-known/openid-configuration": {
      issuer,
      jwks_uri: `${issuer}/jwks`,
      introspection_endpoint: `${issuer}/ask`,
    },
    "/jwks": { keys: [key.publicJwk] },
    "/ask": { active: true, ...claims, token_type: "Bearer" },
  };
  const token = await signJwt(claims, { key: key.privateJwk, alg, kid: key.kid, typ: "at+jwt" });
  assert.equal((await fetch(`${issuer}/jwks`)).status, 200);
  return { issuer, key, token };
}
