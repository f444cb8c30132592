/**
 * An OpenID Connect issuer on loopback that can misbehave in every way a client must withstand, and a browser to go with it.
 *
 * Left alone it follows OpenID Connect Core and RFC 6749 closely enough to sign somebody in; the first test here says so.
 */
import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { generateKey, type SigningKey, signJwt } from "@valetkey/protocol/jose";

/** An HTTP answer; `hang` never answers, `reset` cuts the connection. */
export type Answer = { status?: number; headers?: Record<string, string>; body?: string } | "hang" | "reset";
type Json = Record<string, unknown>;

/** What to do differently. Each function gets what a good issuer would answer. */
export interface Mischief {
  discovery?: (document: Json) => Answer | Json;
  authorization?: (parameters: URLSearchParams) => void;
  token?: (good: Json, form: URLSearchParams) => Answer | Json;
  idToken?: (claims: Json) => Json;
  sign?: (claims: Json, key: SigningKey) => Promise<string> | string;
  userinfo?: (good: Json) => Answer | Json;
  jwks?: (good: Json) => Answer | Json;
  /** Further endpoints; asked first. */
  route?: (at: URL, form: URLSearchParams) => Answer | Json | undefined;
}

export interface HostileIssuer extends AsyncDisposable {
  readonly url: string;
  readonly key: SigningKey;
  mischief: Mischief;
  /** Seconds an access token lives; `undefined`: not said. */
  expiresIn: number | undefined;
  /** Requests to the token endpoint. */
  readonly tokenRequests: URLSearchParams[];
  readonly revoked: string[];
  /** Paths asked for. */
  readonly paths: string[];
  /** Access tokens `/api` accepts: token → resource. */
  readonly live: Map<string, string>;
  /** Authorization headers seen by `/api`. */
  readonly calls: string[];
}

export async function startIssuer(): Promise<HostileIssuer> {
  const key = await generateKey("ES256");
  const codes = new Map<string, URLSearchParams>();
  const refresh = new Set<string>();
  const server = createServer((req, res) => void answer(req, res).catch(() => res.destroy()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const issuer: HostileIssuer = {
    url,
    key,
    mischief: {},
    expiresIn: 3600,
    tokenRequests: [],
    revoked: [],
    paths: [],
    live: new Map(),
    calls: [],
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const at = new URL(req.url ?? "/", url);
    issuer.paths.push(at.pathname);
    const form = new URLSearchParams(await bodyOf(req));
    const { mischief } = issuer;
    const more = mischief.route?.(at, form);
    if (more !== undefined) return send(res, more);
    if (at.pathname === "/.well-known/openid-configuration") {
      const document = {
        issuer: url,
        authorization_endpoint: `${url}/authorize`,
        token_endpoint: `${url}/token`,
        jwks_uri: `${url}/jwks`,
        userinfo_endpoint: `${url}/userinfo`,
        revocation_endpoint: `${url}/revoke`,
        end_session_endpoint: `${url}/end-session`,
        code_challenge_methods_supported: ["S256"],
        authorization_response_iss_parameter_supported: true,
      };
      return send(res, mischief.discovery?.(document) ?? document);
    }
    if (at.pathname === "/jwks") {
      const jwks = { keys: [key.publicJwk] };
      return send(res, mischief.jwks?.(jwks) ?? jwks);
    }
    if (at.pathname === "/authorize") {
      const code = randomUUID();
      codes.set(code, at.searchParams);
      const back = new URL(at.searchParams.get("redirect_uri") ?? "");
      const parameters = new URLSearchParams({ code, state: at.searchParams.get("state") ?? "", iss: url });
      mischief.authorization?.(parameters);
      back.search = parameters.toString();
      return send(res, { status: 303, headers: { Location: back.href } });
    }
    if (at.pathname === "/token") {
      issuer.tokenRequests.push(form);
      const good = await tokens(form);
      return send(res, mischief.token?.(good, form) ?? good);
    }
    if (at.pathname === "/userinfo") {
      const good = {
        sub: "alice",
        name: "Alice",
        email: "alice@example.test",
        email_verified: true,
        iss: "https://evil",
      };
      return send(res, mischief.userinfo?.(good) ?? good);
    }
    if (at.pathname === "/revoke") {
      issuer.revoked.push(form.get("token") ?? "");
      refresh.delete(form.get("token") ?? "");
      return send(res, { body: "" });
    }
    if (at.pathname.startsWith("/api")) return send(res, api(req, at));
    return send(res, { status: 404 });
  }

  function api(req: IncomingMessage, at: URL): Answer | Json {
    const authorization = req.headers.authorization ?? "";
    issuer.calls.push(authorization);
    const resource = issuer.live.get(authorization.replace("Bearer ", ""));
    if (resource === undefined) {
      return { status: 401, headers: { "WWW-Authenticate": 'Bearer error="invalid_token"' } };
    }
    return at.pathname === "/api/leave" ? { status: 302, headers: { Location: `${url}/elsewhere` } } : { resource };
  }

  async function tokens(form: URLSearchParams): Promise<Json> {
    const request = codes.get(form.get("code") ?? "");
    if (form.get("grant_type") === "authorization_code") {
      codes.delete(form.get("code") ?? "");
      const challenge = createHash("sha256")
        .update(form.get("code_verifier") ?? "")
        .digest("base64url");
      if (request?.get("code_challenge") !== challenge) return { error: "invalid_grant" };
    } else if (!refresh.delete(form.get("refresh_token") ?? "")) {
      return { error: "invalid_grant", error_description: "the refresh token was used before" };
    }
    const access_token = `at-${randomUUID()}`;
    const refresh_token = `rt-${randomUUID()}`;
    refresh.add(refresh_token);
    issuer.live.set(access_token, form.get("resource") ?? "");
    const now = Math.floor(Date.now() / 1000);
    const nonce = request?.get("nonce");
    const claims: Json = { iss: url, sub: "alice", aud: "app", iat: now, exp: now + 300, ...(nonce ? { nonce } : {}) };
    const changed = issuer.mischief.idToken?.(claims) ?? claims;
    const id_token = await (issuer.mischief.sign ?? sign)(changed, key);
    const expires = issuer.expiresIn === undefined ? {} : { expires_in: issuer.expiresIn };
    return { access_token, token_type: "Bearer", refresh_token, id_token, ...expires };
  }

  return issuer;
}

export const sign = (claims: Json, { kid, privateJwk }: SigningKey): Promise<string> =>
  signJwt(claims, { key: privateJwk, alg: "ES256", kid });

async function bodyOf(req: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of req) text += chunk;
  return text;
}

function send(res: ServerResponse, answer: Answer | Json): void {
  if (answer === "hang") return;
  if (answer === "reset") return void res.destroy();
  const raw = answer as { status?: number; headers?: Record<string, string>; body?: string };
  if (raw.status !== undefined || raw.body !== undefined) {
    res.writeHead(raw.status ?? 200, raw.headers).end(raw.body);
    return;
  }
  const status = "error" in answer ? 400 : 200;
  res.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(answer));
}

/** A browser: cookies per host name, redirects one at a time. */
export class Browser {
  readonly cookies = new Map<string, string>();
  /** Set-Cookie headers as they came. */
  readonly received: string[] = [];

  async get(url: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers({ Accept: "text/html", ...(init.headers as Record<string, string>) });
    const jar = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    if (jar !== "") headers.set("Cookie", jar);
    const response = await fetch(url, { ...init, headers, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) {
      this.received.push(line);
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/Max-Age=0/.test(line)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return response;
  }

  /** Follows redirects until there are none, at most ten. */
  async follow(url: string): Promise<Response> {
    let at = url;
    for (let hops = 0; hops < 10; hops++) {
      const response = await this.get(at);
      const location = response.headers.get("location");
      if (location === null) return response;
      at = new URL(location, at).href;
    }
    throw new Error("more than ten redirects");
  }
}

test("the hostile issuer, left alone, announces itself and its key", async () => {
  await using issuer = await startIssuer();
  const document = (await (await fetch(`${issuer.url}/.well-known/openid-configuration`)).json()) as Json;
  assert.equal(document.issuer, issuer.url);
  const { keys } = (await (await fetch(`${issuer.url}/jwks`)).json()) as { keys: Json[] };
  assert.equal(keys[0]?.kid, issuer.key.kid);
});
