/**
 * oidc-provider on its own, with its memory adapter or a durable SQLite one; says yes to whoever comes.
 *
 * Arguments: "memory", or the file.
 */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import Provider from "oidc-provider";
import { audiences, clients, person, redirect_uri } from "../cast.ts";
import { type Ability, ready } from "../target.ts";
import { sqliteAdapter } from "./oidc-provider-sqlite.ts";

const [file = "memory"] = process.argv.slice(2);
const durable = file !== "memory";
const jwkOf = (kid: string, { privateKey }: ReturnType<typeof generateKeyPairSync>) => ({
  ...privateKey.export({ format: "jwk" }),
  kid,
  use: "sig",
});
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }) as never;
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }) as never;
const most: readonly Ability[] = ["token", "token-signed", "introspect", "refresh", "userinfo", "flow"];
const web = { redirect_uris: [redirect_uri], grant_types: ["authorization_code", "refresh_token"] };

const server = createServer().listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  const provider = new Provider(`http://localhost:${port}`, {
    ...(durable ? { adapter: sqliteAdapter(file) } : {}),
    jwks: { keys: [jwkOf("es", ec), jwkOf("rs", rsa)] },
    clients: [
      {
        ...clients.machine,
        redirect_uris: [],
        response_types: [],
        grant_types: ["client_credentials"],
        id_token_signed_response_alg: "ES256",
      },
      { ...clients.ES256, ...web, id_token_signed_response_alg: "ES256" },
      { ...clients.RS256, ...web, id_token_signed_response_alg: "RS256" },
    ],
    cookies: { keys: [randomBytes(32).toString("hex")] },
    claims: { openid: ["sub"], profile: ["name"], email: ["email", "email_verified"] },
    scopes: ["openid", "profile", "email", "offline_access", "read", "see"],
    enabledJWA: { idTokenSigningAlgValues: ["ES256", "RS256"] },
    findAccount: (_: unknown, id: string) => ({
      accountId: id,
      claims: () => ({ sub: id, name: person.name, email: person.email, email_verified: true }),
    }),
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    pkce: { required: () => true },
    ttl: {
      AccessToken: 900,
      AuthorizationCode: 60,
      ClientCredentials: 900,
      Grant: 14 * 86_400,
      IdToken: 3600,
      Interaction: 1800,
      RefreshToken: 14 * 86_400,
      Session: 14 * 86_400,
    },
    interactions: { url: (_: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => [],
        getResourceServerInfo: (_: unknown, resource: string) =>
          resource === audiences.signed
            ? { scope: "see", accessTokenFormat: "jwt", accessTokenTTL: 900, jwt: { sign: { alg: "ES256" } } }
            : { scope: "read", accessTokenFormat: "opaque", accessTokenTTL: 900 },
      },
    },
  });
  const handle = provider.callback();
  server.on("request", async (request, response) => {
    if (!request.url?.startsWith("/interaction/")) return void handle(request, response);
    const { prompt, params, session } = await provider.interactionDetails(request, response);
    if (prompt.name === "login")
      return provider.interactionFinished(request, response, { login: { accountId: "ada", remember: true } });
    const grant = new provider.Grant({ accountId: session?.accountId, clientId: params.client_id });
    grant.addOIDCScope(String(params.scope));
    const consent = { grantId: await grant.save() };
    return provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
  });
  ready({
    port,
    // Its memory adapter forgets all but the newest thousand or two: codes made ahead would be gone.
    able: durable ? [...most, "code-ES256", "code-RS256"] : most,
    ...(durable ? {} : { forgets: true }),
    paths: { token: "/token", introspect: "/token/introspection", authorize: "/auth", userinfo: "/me" },
    opaque: {},
    signed: { resource: audiences.signed, scope: "see" },
    started: performance.now(),
  });
});
