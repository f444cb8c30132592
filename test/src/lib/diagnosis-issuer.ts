/**
 * An OpenID Connect issuer on loopback that is set up wrongly in one way at a time.
 *
 * Left alone it follows OpenID Connect Core closely enough to sign somebody in. It checks the client's secret and redirect_uri,
 * so that a client which is set up wrongly hears of it as it would elsewhere.
 */
import { createHash, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { generateKey, type SigningKey, signJwt } from "@valetkey/protocol/jose";

type Json = Readonly<Record<string, unknown>>;
/** An HTTP answer instead of the good one: JSON, or a status with text; `hang` never answers. */
export type Told =
  | Json
  | { readonly status: number; readonly type?: string; readonly text?: string; readonly location?: string }
  | "hang";

/** What is wrong with it. Each function gets what a good issuer would answer. */
export interface Faults {
  readonly discovery?: (good: Json) => Told;
  readonly jwks?: (good: Json) => Told;
  readonly token?: (good: Json, form: URLSearchParams) => Told;
  readonly userinfo?: (good: Json) => Told;
  readonly claims?: (good: Json) => Json;
  readonly sign?: (claims: Json, key: SigningKey) => string | Promise<string>;
  /** Changes the parameters of the answer that goes through the browser. */
  readonly answer?: (parameters: URLSearchParams, asked: URLSearchParams) => void;
  /** Sends the person to another address than the redirect_uri. */
  readonly back?: (redirect_uri: string) => string;
  /** `posted`: by a form, whatever was asked for; `redirected`: the other way. */
  readonly mode?: "posted" | "redirected";
  /** Registered redirect URIs; another one is refused on a page of its own. */
  readonly redirect_uris?: readonly string[];
  /** What the client is registered with; default client_secret_basic. */
  readonly method?: "client_secret_basic" | "client_secret_post";
}

export const clientSecret = "the-secret-of-the-client";

export interface FaultyIssuer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  faults: Faults;
  /** Codes, tokens and whatever else must never be in a log or on a page. */
  readonly secrets: Set<string>;
}

export async function startFaultyIssuer(key: SigningKey, faults: Faults = {}): Promise<FaultyIssuer> {
  const asked = new Map<string, URLSearchParams>();
  const refresh = new Set<string>();
  const server = createServer((req, res) => void answer(req, res).catch(() => res.destroy()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const issuer: FaultyIssuer = {
    url,
    port,
    faults,
    secrets: new Set(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const secret = (text: string): string => {
    issuer.secrets.add(text);
    return text;
  };

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const at = new URL(req.url ?? "/", url);
    let body = "";
    for await (const chunk of req) body += chunk;
    const form = new URLSearchParams(body);
    const { faults: wrong } = issuer;
    switch (at.pathname) {
      case "/.well-known/openid-configuration":
        return tell(res, wrong.discovery?.(document()) ?? document());
      case "/jwks": {
        const good = { keys: [key.publicJwk] };
        return tell(res, wrong.jwks?.(good) ?? good);
      }
      case "/authorize":
        return tell(res, authorize(at.searchParams));
      case "/token": {
        const told = credentialsFault(req, form) ?? (await tokens(form));
        return tell(res, wrong.token?.(told, form) ?? told, "error" in told ? 401 : 200);
      }
      case "/userinfo": {
        const good = { sub: "alice", name: "Alice" };
        return tell(res, wrong.userinfo?.(good) ?? good);
      }
      default:
        return tell(res, { status: 404, text: "nothing here" });
    }
  }

  const document = (): Json => ({
    issuer: url,
    authorization_endpoint: `${url}/authorize`,
    token_endpoint: `${url}/token`,
    jwks_uri: `${url}/jwks`,
    userinfo_endpoint: `${url}/userinfo`,
    code_challenge_methods_supported: ["S256"],
    authorization_response_iss_parameter_supported: true,
  });

  function authorize(request: URLSearchParams): Told {
    const { faults: wrong } = issuer;
    const redirect_uri = request.get("redirect_uri") ?? "";
    if (wrong.redirect_uris?.includes(redirect_uri) === false) {
      // RFC 6749 §4.1.2.1: the person is not sent to an address nobody vouches for.
      return { status: 400, type: "text/html", text: `<h1>redirect_uri_mismatch</h1><p>${redirect_uri}</p>` };
    }
    const code = secret(`code-${randomUUID()}`);
    asked.set(code, request);
    const parameters = new URLSearchParams({ code, state: request.get("state") ?? "", iss: url });
    wrong.answer?.(parameters, request);
    const back = new URL(wrong.back?.(redirect_uri) ?? redirect_uri);
    if ((wrong.mode ?? (request.get("response_mode") === "form_post" ? "posted" : "redirected")) === "posted") {
      const inputs = [...parameters].map(([name, value]) => `<input type="hidden" name="${name}" value="${value}">`);
      const html = `<form method="post" action="${back.href}">${inputs.join("")}<i data-at-once></i></form>`;
      return { status: 200, type: "text/html", text: html };
    }
    back.search = parameters.toString();
    return { status: 303, location: back.href };
  }

  function credentialsFault(req: IncomingMessage, form: URLSearchParams): Json | undefined {
    const basic = Buffer.from((req.headers.authorization ?? "").replace("Basic ", ""), "base64").toString();
    const method = basic === "" ? "client_secret_post" : "client_secret_basic";
    const given = basic === "" ? form.get("client_secret") : decodeURIComponent(basic.split(":")[1] ?? "");
    const { method: registered = "client_secret_basic" } = issuer.faults;
    return method === registered && given === clientSecret ? undefined : { error: "invalid_client" };
  }

  async function tokens(form: URLSearchParams): Promise<Json> {
    const request = asked.get(form.get("code") ?? "");
    if (form.get("grant_type") === "authorization_code") {
      asked.delete(form.get("code") ?? "");
      const verifier = form.get("code_verifier") ?? "";
      if (request?.get("code_challenge") !== createHash("sha256").update(verifier).digest("base64url")) {
        return { error: "invalid_grant" };
      }
    } else if (!refresh.delete(form.get("refresh_token") ?? "")) {
      return { error: "invalid_grant", error_description: "the refresh token was used before" };
    }
    const now = Math.floor(Date.now() / 1000);
    const nonce = request?.get("nonce");
    const good = { iss: url, sub: "alice", aud: "app", iat: now, exp: now + 300, ...(nonce ? { nonce } : {}) };
    const claims = issuer.faults.claims?.(good) ?? good;
    const sign =
      issuer.faults.sign ?? ((all: Json) => signJwt(all, { key: key.privateJwk, alg: "ES256", kid: key.kid }));
    const refresh_token = secret(`rt-${randomUUID()}`);
    refresh.add(refresh_token);
    const access_token = secret(`at-${randomUUID()}`);
    return {
      access_token,
      token_type: "Bearer",
      expires_in: 3600,
      refresh_token,
      id_token: secret(await sign(claims, key)),
    };
  }

  return issuer;
}

/** A key to sign with; made once, as making it takes time. */
export const makeKey = (): Promise<SigningKey> => generateKey("ES256");

function tell(res: ServerResponse, told: Told, status = 200): void {
  if (told === "hang") return;
  if (typeof told.status !== "number") {
    res.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(told));
    return;
  }
  const { type = "text/plain", text = "", location } = told as { type?: string; text?: string; location?: string };
  res
    .writeHead(told.status, { "Content-Type": type, ...(location === undefined ? {} : { Location: location }) })
    .end(text);
}
