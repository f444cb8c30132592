/** An authorization server on loopback that publishes keys and answers introspection, and can be down or tell lies. */
import assert from "node:assert/strict";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { generateKey, type SigningKey, signJwt } from "@valetkey/protocol/jose";

export const audience = "https://api.example";
export type Json = Record<string, unknown>;

export interface Issuer extends AsyncDisposable {
  readonly url: string;
  readonly key: SigningKey;
  keys: SigningKey[];
  /** Everything is, or one path. */
  down: boolean | string;
  /** What the discovery document says differently. */
  document: Json;
  /** What introspection says, by token. */
  readonly known: Map<string, Json>;
  readonly paths: string[];
  /** Questions at the introspection endpoint, as they came. */
  readonly questions: { readonly headers: IncomingHttpHeaders; readonly form: URLSearchParams }[];
  /** Answers them in another way; nothing: as usual. */
  reply: ((form: URLSearchParams) => Promise<{ type: string; body: string } | undefined>) | undefined;
  /** Who asks need not say who they are. */
  open: boolean;
  /** Claims of a good token. */
  claims(): Json;
  token(change?: Json, header?: { typ?: string; key?: SigningKey; kid?: string }): Promise<string>;
}

export async function startIssuer(): Promise<Issuer> {
  const key = await generateKey("ES256");
  const server = createServer((req, res) => {
    const path = req.url ?? "/";
    issuer.paths.push(path);
    let text = "";
    req.on("data", (chunk) => {
      text += chunk;
    });
    req.on("end", () => {
      if (issuer.down === true || issuer.down === path) return res.writeHead(503).end();
      const send = (status: number, body: Json) =>
        res.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
      if (path === "/.well-known/openid-configuration") {
        return send(200, {
          issuer: url,
          jwks_uri: `${url}/jwks`,
          introspection_endpoint: `${url}/introspect`,
          ...issuer.document,
        });
      }
      if (path === "/jwks") return send(200, { keys: issuer.keys.map(({ publicJwk }) => publicJwk) });
      if (path !== "/introspect") return send(404, {});
      const form = new URLSearchParams(text);
      issuer.questions.push({ headers: req.headers, form });
      if (!issuer.open && req.headers.authorization !== `Basic ${btoa("api:api+secret")}`)
        return send(401, { error: "invalid_client" });
      void (issuer.reply?.(form) ?? Promise.resolve(undefined)).then((reply) => {
        if (reply !== undefined) return res.writeHead(200, { "Content-Type": reply.type }).end(reply.body);
        return send(200, issuer.known.get(form.get("token") ?? "") ?? { active: false });
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const issuer: Issuer = {
    url,
    key,
    keys: [key],
    down: false,
    document: {},
    known: new Map(),
    paths: [],
    questions: [],
    reply: undefined,
    open: false,
    claims() {
      const now = Math.floor(Date.now() / 1000);
      const who = { iss: url, aud: audience, sub: "alice", client_id: "app", jti: "1", scope: "profile photos:read" };
      return { ...who, iat: now, exp: now + 300 };
    },
    token: async (change = {}, { typ = "at+jwt", key: signer = key, kid = signer.kid } = {}) => {
      const claims = Object.fromEntries(
        Object.entries({ ...issuer.claims(), ...change }).filter(([, v]) => v !== undefined),
      );
      return signJwt(claims, { key: signer.privateJwk, alg: signer.alg, kid, ...(typ === "" ? {} : { typ }) });
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return issuer;
}

test("the test issuer publishes its key", async () => {
  await using issuer = await startIssuer();
  const { keys } = (await (await fetch(`${issuer.url}/jwks`)).json()) as { keys: Json[] };
  assert.equal(keys[0]?.kid, issuer.key.kid);
});
