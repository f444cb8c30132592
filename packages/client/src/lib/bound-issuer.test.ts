/**
 * An OpenID Connect issuer on loopback that binds everything to a key: codes, refresh tokens, access tokens, its userinfo and an
 * API. It verifies every proof, wants nonces, and can be told to do it wrong.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { createDpopProof, dpopThumbprint, generateDpopKey, verifyDpopProof } from "@valetkey/protocol/dpop";
import { isOAuthError } from "@valetkey/protocol/errors";
import { generateKey, signJwt } from "@valetkey/protocol/jose";
import { type Asked, json, type Loopback, startLoopback } from "./loopback.test.ts";

type Json = Readonly<Record<string, unknown>>;

export interface BoundIssuer extends AsyncDisposable {
  readonly url: string;
  readonly asked: Loopback["asked"];
  /** The nonce that is wanted by whom; nothing: none is. One per key with a function. */
  nonce: { token?: string | ((jkt: string) => string); api?: string };
  /** Added to the discovery document. */
  discovery: Json;
  /** Changes a good token answer. */
  token: (good: Json) => Json;
  /** Thumbprint of the key each live access token is bound to. */
  readonly live: Map<string, string>;
  /** What was asked of the token endpoint, with the thumbprint of the proof. */
  readonly exchanged: { readonly form: URLSearchParams; readonly jkt: string }[];
}

/** Starts it; `now` for tests in which time passes for both. */
export async function startBoundIssuer(now: () => number = Date.now): Promise<BoundIssuer> {
  const server = await startLoopback();
  const url = server.origin;
  const key = await generateKey("ES256");
  const codes = new Map<string, URLSearchParams>();
  const refresh = new Map<string, string>();
  const issuer: BoundIssuer = {
    url,
    asked: server.asked,
    nonce: {},
    discovery: {},
    token: (good) => good,
    live: new Map(),
    exchanged: [],
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };

  const verify = async ({ headers, method, url: at }: Asked, access_token?: string) => {
    const checks = { htm: method, htu: at, access_token, now: now(), algorithms: ["ES256", "ES384"] } as const;
    return (await verifyDpopProof(headers.get("dpop") ?? "", checks)).jkt;
  };
  const nonceIn = ({ headers }: Asked) =>
    JSON.parse(Buffer.from(headers.get("dpop")?.split(".")[1] ?? "", "base64url").toString()).nonce;

  async function token(one: Asked): Promise<Response> {
    const jkt = await verify(one).catch(() => "");
    if (jkt === "") return json({ error: "invalid_dpop_proof" }, 400)();
    const { token: given } = issuer.nonce;
    const wanted = typeof given === "function" ? given(jkt) : given;
    if (wanted !== undefined && nonceIn(one) !== wanted) {
      return json({ error: "use_dpop_nonce" }, 400, { "DPoP-Nonce": wanted })();
    }
    const { form } = one;
    issuer.exchanged.push({ form, jkt });
    const request = codes.get(form.get("code") ?? "");
    codes.delete(form.get("code") ?? "");
    const bound = request?.get("dpop_jkt") ?? refresh.get(form.get("refresh_token") ?? "");
    refresh.delete(form.get("refresh_token") ?? "");
    if (bound !== jkt) return json({ error: "invalid_grant", error_description: "bound to another key" }, 400)();
    const tokens = { access_token: `at-${randomUUID()}`, refresh_token: `rt-${randomUUID()}` };
    refresh.set(tokens.refresh_token, jkt);
    issuer.live.set(tokens.access_token, jkt);
    const iat = Math.floor(now() / 1000);
    const claims = { iss: url, sub: "alice", aud: "app", iat, exp: iat + 300, nonce: request?.get("nonce") };
    const id_token = await signJwt(JSON.parse(JSON.stringify(claims)), { key: key.privateJwk, alg: "ES256" });
    return json(issuer.token({ ...tokens, id_token, token_type: "DPoP", expires_in: 3600 }))();
  }

  async function protectedAnswer(one: Asked): Promise<Response> {
    const [scheme, access_token = ""] = one.headers.get("authorization")?.split(" ") ?? [];
    const no = (error: string, nonce: Record<string, string> = {}) =>
      new Response("", { status: 401, headers: { "WWW-Authenticate": `DPoP error="${error}"`, ...nonce } });
    if (scheme !== "DPoP" || !issuer.live.has(access_token)) return no("invalid_token");
    const jkt = await verify(one, access_token).catch((e: unknown) => assert.ok(isOAuthError(e)) ?? "");
    if (jkt !== issuer.live.get(access_token)) return no("invalid_dpop_proof");
    const { api } = issuer.nonce;
    if (api !== undefined && nonceIn(one) !== api) return no("use_dpop_nonce", { "DPoP-Nonce": api });
    return json({ sub: "alice", name: "Alice", body: one.body })();
  }

  server.answer(async (one) => {
    switch (one.url.pathname) {
      case "/.well-known/openid-configuration": {
        const names = ["authorization", "token", "userinfo", "pushed_authorization_request"];
        const endpoints = Object.fromEntries(names.map((name) => [`${name}_endpoint`, `${url}/${name}`]));
        const more = { jwks_uri: `${url}/jwks`, code_challenge_methods_supported: ["S256"] };
        return json({ issuer: url, ...endpoints, ...more, ...issuer.discovery })();
      }
      case "/jwks":
        return json({ keys: [key.publicJwk] })();
      case "/pushed_authorization_request": {
        assert.equal(await verify(one), one.form.get("dpop_jkt"));
        const request_uri = `urn:${randomUUID()}`;
        codes.set(request_uri, one.form);
        return json({ request_uri, expires_in: 60 }, 201)();
      }
      case "/authorization": {
        const { searchParams } = one.url;
        const asked = codes.get(searchParams.get("request_uri") ?? "") ?? searchParams;
        const code = randomUUID();
        codes.set(code, asked);
        const back = new URL(asked.get("redirect_uri") ?? "");
        back.search = new URLSearchParams({ code, state: asked.get("state") ?? "" }).toString();
        return new Response(null, { status: 303, headers: { Location: back.href } });
      }
      case "/token":
        return token(one);
      default:
        return protectedAnswer(one);
    }
  });
  return issuer;
}

test("the issuer that binds accepts nothing without a proof, and a token with the key it is bound to only", async () => {
  await using issuer = await startBoundIssuer();
  assert.equal((await fetch(`${issuer.url}/token`, { method: "POST" })).status, 400);
  const [mine, other] = [await generateDpopKey(), await generateDpopKey()];
  issuer.live.set("at", await dpopThumbprint(mine));
  const ask = async (key = mine, scheme = "DPoP") => {
    const url = `${issuer.url}/api`;
    const proof = await createDpopProof({ key, htm: "GET", htu: url, access_token: "at", now: Date.now() });
    return (await fetch(url, { headers: { Authorization: `${scheme} at`, DPoP: proof } })).status;
  };
  assert.deepEqual([await ask(), await ask(other), await ask(mine, "Bearer")], [200, 401, 401]);
});
