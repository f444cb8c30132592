/**
 * A provider written by others, `oidc-provider`, in this process on http loopback, where everybody who comes is signed in as
 * one person and allows everything. With a certificate it is on https too, for clients that come with theirs (RFC 8705).
 */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { TLSSocket } from "node:tls";
import Provider from "oidc-provider";
import { freePort } from "./server.ts";

export interface ForeignProvider {
  readonly issuer: string;
  /** Every request it got: method and path. */
  readonly requests: readonly string[];
  /** Where connections with a certificate go: its endpoints there are the `mtls_endpoint_aliases`. */
  readonly mtlsOrigin: string;
  /** Requests that came there, with the subject of the certificate that came along, if one did. */
  readonly withCertificate: readonly { readonly request: string; readonly subject: string | undefined }[];
  [Symbol.asyncDispose](): Promise<void>;
}

export const foreigner = {
  sub: "foreign-subject-1",
  name: "Frida Foreign",
  email: "frida@example.test",
  email_verified: true,
};

/** What it needs to speak https: its own key and certificate, and whose client certificates it believes. */
export interface TlsSetup {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
}

const certificateOf = ({ req }: { req: IncomingMessage }) =>
  (req.socket as Partial<TLSSocket>).getPeerX509Certificate?.();

/** Its own settings for clients with certificates: what reaches it is the TLS connection, nothing in between. */
const mTLS = {
  enabled: true,
  certificateBoundAccessTokens: true,
  selfSignedTlsClientAuth: true,
  tlsClientAuth: true,
  getCertificate: certificateOf,
  certificateAuthorized: ({ req }: { req: IncomingMessage }) => (req.socket as Partial<TLSSocket>).authorized === true,
  certificateSubjectMatches: (context: { req: IncomingMessage }, _: string, expected: string) =>
    certificateOf(context)?.subject === expected,
};
const clientAuthMethods = ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"];
const byCertificate = ["tls_client_auth", "self_signed_tls_client_auth"];

/** Starts it with these clients (metadata as in RFC 7591), and with further features and configuration of its own kind. */
export async function startForeignProvider(
  clients: readonly Record<string, unknown>[],
  {
    features = {},
    tls,
    ...more
  }: Readonly<Record<string, unknown>> & { readonly features?: object; readonly tls?: TlsSetup } = {},
): Promise<ForeignProvider> {
  const [port, tlsPort] = [await freePort(), await freePort()];
  const issuer = `http://localhost:${port}`;
  const mtlsOrigin = `https://localhost:${tlsPort}`;
  const aliases = { token_endpoint: "token", introspection_endpoint: "token/introspection", userinfo_endpoint: "me" };
  const mtls_endpoint_aliases = Object.fromEntries(
    Object.entries(aliases).map(([name, path]) => [name, `${mtlsOrigin}/${path}`]),
  );
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
      ...(tls === undefined ? {} : { mTLS, introspection: { enabled: true }, clientCredentials: { enabled: true } }),
      ...features,
    },
    ...(tls === undefined
      ? {}
      : { clientAuthMethods: [...clientAuthMethods, ...byCertificate], discovery: { mtls_endpoint_aliases } }),
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
    if (typeof params.resource === "string") grant.addResourceScope(params.resource, String(params.scope));
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
  const withCertificate: { request: string; subject: string | undefined }[] = [];
  // Any certificate comes through, as RFC 8705 §2.2 needs it; what it is good for is decided above.
  const tlsOptions = { ...tls, requestCert: true, rejectUnauthorized: false };
  const tlsServer = createTlsServer(tlsOptions, (request, response) => {
    const subject = certificateOf({ req: request })?.subject;
    withCertificate.push({ request: `${request.method} ${(request.url ?? "").split("?")[0]}`, subject });
    void answer(request, response);
  });
  if (tls !== undefined) await new Promise<void>((resolve) => tlsServer.listen(tlsPort, "localhost", resolve));
  return {
    issuer,
    requests,
    mtlsOrigin,
    withCertificate,
    [Symbol.asyncDispose]: async () => {
      for (const one of [server, tlsServer]) {
        one.closeAllConnections();
        await new Promise((resolve) => one.close(resolve));
      }
    },
  };
}
