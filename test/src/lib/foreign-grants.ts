/**
 * `oidc-provider` with everything on that needs no page: grants without a browser, pushed and signed requests, signed answers,
 * bound tokens, registration. Whoever comes with a browser is signed in as one person and allows everything.
 */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import Provider from "oidc-provider";
import { freePort } from "./server.ts";

export interface ForeignGrants {
  readonly issuer: string;
  /** Every request it got: method, path and headers. */
  readonly requests: readonly { readonly line: string; readonly headers: IncomingMessage["headers"] }[];
  /** `sub` of the person. */
  readonly person: string;
  /** The person enters this code on another device and allows, or denies. */
  decideDevice(user_code: string, allow: boolean): Promise<void>;
  /** The person answers the request that reached their phone. */
  decideBackchannel(auth_req_id: string, allow: boolean): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

interface Decided {
  clientId: string;
  accountId?: string;
  grantId?: string;
  scope?: string;
  error?: string;
  save(): Promise<string>;
}
/** What is used of the provider here and has no type in `oidc-provider.d.ts`. */
interface Programmatic {
  readonly DeviceCode: { findByUserCode(code: string): Promise<(Decided & { params: { scope: string } }) | undefined> };
  readonly BackchannelAuthenticationRequest: { find(id: string): Promise<Decided | undefined> };
  backchannelResult(id: string, result: string | Error): Promise<void>;
}

const person = "foreign-subject-1";

/** Starts it with these clients (metadata as in RFC 7591); `documents` answers its requests for client metadata documents. */
export async function startForeignGrants(
  clients: readonly Record<string, unknown>[],
  documents: (url: string) => Response,
): Promise<ForeignGrants> {
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const jwk = (pair: { privateKey: { export(options: { format: "jwk" }): object } }, more: object) => ({
    ...pair.privateKey.export({ format: "jwk" }),
    ...more,
  });
  const on = { enabled: true };
  const provider = new Provider(issuer, {
    clients,
    jwks: {
      keys: [
        jwk(generateKeyPairSync("rsa", { modulusLength: 2048 }), { alg: "RS256", kid: "rsa", use: "sig" }),
        jwk(generateKeyPairSync("ec", { namedCurve: "P-256" }), { alg: "ES256", kid: "ec", use: "sig" }),
        jwk(generateKeyPairSync("ec", { namedCurve: "P-256" }), { alg: "ECDH-ES", kid: "ec-enc", use: "enc" }),
      ],
    },
    cookies: { keys: [randomBytes(32).toString("hex")] },
    responseTypes: ["code", "id_token", "id_token token"],
    // It fetches nothing but such documents here; their address is https, where no test can listen.
    fetch: async (url: unknown) => documents(String(url)),
    clientAuthMethods: ["none", "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: on,
      deviceFlow: on,
      introspection: on,
      revocation: on,
      registration: { enabled: true, initialAccessToken: "initial-access-token" },
      registrationManagement: { enabled: true, rotateRegistrationAccessToken: true },
      pushedAuthorizationRequests: on,
      requestObjects: on,
      encryption: on,
      jwtResponseModes: on,
      dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true },
      clientIdMetadataDocument: { enabled: true, ack: "draft-02" },
      ciba: {
        enabled: true,
        deliveryModes: ["poll"],
        processLoginHint: async (_: unknown, hint: string) => (hint === "frida" ? person : undefined),
        processLoginHintToken: async () => undefined,
        verifyUserCode: async () => {},
        validateBindingMessage: async () => {},
        validateRequestContext: async () => {},
        triggerAuthenticationDevice: async () => {},
      },
    },
    interactions: { url: (_: unknown, interaction: { uid: string }) => `/interaction/${interaction.uid}` },
    findAccount: (_: unknown, sub: string) => ({ accountId: sub, claims: () => ({ sub }) }),
    pkce: { required: () => true },
    issueRefreshToken: async () => true,
    ttl: Object.fromEntries(
      [
        "AccessToken",
        "AuthorizationCode",
        "BackchannelAuthenticationRequest",
        "ClientCredentials",
        "DeviceCode",
        "Grant",
        "IdToken",
        "Interaction",
        "RefreshToken",
        "Session",
      ].map((kind) => [kind, 600]),
    ),
  });
  const own = provider as unknown as Programmatic;

  const grantFor = async (clientId: unknown, scope: string) => {
    const grant = new provider.Grant({ accountId: person, clientId });
    grant.addOIDCScope(scope);
    return grant.save();
  };
  const interact = async (request: IncomingMessage, response: ServerResponse) => {
    const { prompt, params } = await provider.interactionDetails(request, response);
    const result =
      prompt.name === "login"
        ? { login: { accountId: person } }
        : { consent: { grantId: await grantFor(params.client_id, String(params.scope)) } };
    await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
  };
  const answer = provider.callback();
  const requests: { line: string; headers: IncomingMessage["headers"] }[] = [];
  const server = createServer((request, response) => {
    const path = (request.url ?? "").split("?")[0] ?? "";
    requests.push({ line: `${request.method} ${path}`, headers: request.headers });
    if (!path.startsWith("/interaction/")) return void answer(request, response);
    interact(request, response).catch((error: unknown) => {
      response.statusCode = 500;
      response.end(String(error));
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "localhost", resolve));
  return {
    issuer,
    requests,
    person,
    async decideDevice(user_code, allow) {
      const code = await own.DeviceCode.findByUserCode(user_code.replaceAll("-", ""));
      if (code === undefined) throw new Error("there is no such code");
      if (allow) {
        code.accountId = person;
        code.scope = code.params.scope;
        code.grantId = await grantFor(code.clientId, code.params.scope);
      } else code.error = "access_denied";
      await code.save();
    },
    async decideBackchannel(auth_req_id, allow) {
      const request = await own.BackchannelAuthenticationRequest.find(auth_req_id);
      if (request === undefined) throw new Error("there is no such request");
      if (allow) await own.backchannelResult(auth_req_id, await grantFor(request.clientId, "openid"));
      else {
        request.error = "access_denied";
        await request.save();
      }
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
