/**
 * A provider written by others, `oidc-provider`, in this process on http loopback, where everybody who comes is signed in as
 * one person and allows everything.
 */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import Provider from "oidc-provider";
import { freePort } from "./server.ts";

export interface ForeignProvider {
  readonly issuer: string;
  /** Every request it got: method and path. */
  readonly requests: readonly string[];
  [Symbol.asyncDispose](): Promise<void>;
}

export const foreigner = {
  sub: "foreign-subject-1",
  name: "Frida Foreign",
  email: "frida@example.test",
  email_verified: true,
};

/** Starts it with these clients (metadata as in RFC 7591), and with further features and configuration of its own kind. */
export async function startForeignProvider(
  clients: readonly Record<string, unknown>[],
  { features = {}, ...more }: Readonly<Record<string, unknown>> & { readonly features?: object } = {},
): Promise<ForeignProvider> {
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const key = (pair: { privateKey: { export(options: { format: "jwk" }): object } }, more: object) => ({
    ...pair.privateKey.export({ format: "jwk" }),
    use: "sig",
    ...more,
  });
  const provider = new Provider(issuer, {
    clients,
    jwks: {
      keys: [
        key(generateKeyPairSync("rsa", { modulusLength: 2048 }), { alg: "RS256", kid: "rsa" }),
        key(generateKeyPairSync("ec", { namedCurve: "P-256" }), { alg: "ES256", kid: "ec" }),
      ],
    },
    cookies: { keys: [randomBytes(32).toString("hex")] },
    claims: { openid: ["sub"], profile: ["name"], email: ["email", "email_verified"] },
    features: {
      devInteractions: { enabled: false },
      revocation: { enabled: true },
      rpInitiatedLogout: { enabled: true },
      ...features,
    },
    interactions: { url: (_context: unknown, interaction: { uid: string }) => `/interaction/${interaction.uid}` },
    findAccount: (_context: unknown, sub: string) => ({ accountId: sub, claims: () => ({ ...foreigner, sub }) }),
    pkce: { required: () => true },
    // Short, so that a refresh is needed soon and can be seen.
    ttl: {
      AccessToken: 3,
      AuthorizationCode: 60,
      IdToken: 3_600,
      RefreshToken: 3_600,
      Interaction: 600,
      Session: 3_600,
      Grant: 3_600,
    },
    issueRefreshToken: async () => true,
    rotateRefreshToken: true,
    ...more,
  });

  const interact = async (request: IncomingMessage, response: ServerResponse) => {
    const { prompt, params, session } = await provider.interactionDetails(request, response);
    if (prompt.name === "login") {
      await provider.interactionFinished(request, response, { login: { accountId: foreigner.sub } });
      return;
    }
    const grant = new provider.Grant({ accountId: session?.accountId, clientId: params.client_id });
    grant.addOIDCScope(String(params.scope));
    // Single claims (OpenID Connect Core §5.5) need a consent of their own.
    grant.addOIDCClaims(prompt.details?.missingOIDCClaims ?? []);
    await provider.interactionFinished(
      request,
      response,
      { consent: { grantId: await grant.save() } },
      { mergeWithLastSubmission: true },
    );
  };
  const answer = provider.callback();
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = (request.url ?? "").split("?")[0] ?? "";
    requests.push(`${request.method} ${path}`);
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
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
