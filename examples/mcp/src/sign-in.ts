/**
 * How the client signs in: an OAuthClientProvider of the MCP SDK that keeps everything in memory, and its loopback server, where
 * the document about the client is and where people come back to.
 *
 * draft-ietf-oauth-client-id-metadata-document-03, RFC 8252 §7.3, RFC 9207 §2.4. Guarantees that a code counts only with the state
 * that was sent, once, and from the issuer the person was sent to.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { OAuthClientProvider, OAuthDiscoveryState } from "@modelcontextprotocol/sdk/client/auth.js";
import type { OAuthClientInformationMixed, OAuthTokens } from "@modelcontextprotocol/sdk/shared/auth.js";

export interface SignInOptions {
  readonly port: number;
  /** Where the document about this client is, if not here. */
  readonly clientMetadataUrl?: string | undefined;
  /** For servers this client is registered at. */
  readonly client_id?: string | undefined;
  /** Sends the person there. */
  readonly open: (url: URL) => void;
}

export interface SignIn {
  readonly provider: OAuthClientProvider;
  /** Waits for the person to come back, and gives the code. */
  code(): Promise<string>;
  /** The SDK's requests go through here: where more scope is needed, a fresh access token alone would not do. */
  readonly fetch: typeof fetch;
  /** What the tokens allow now. */
  scope(): string | undefined;
  close(): void;
}

/** Starts the loopback server; port 0 takes a free one. */
export async function startSignIn({ port, clientMetadataUrl, client_id, open }: SignInOptions): Promise<SignIn> {
  let information: OAuthClientInformationMixed | undefined;
  let tokens: OAuthTokens | undefined;
  let discovery: OAuthDiscoveryState | undefined;
  let verifier = "";
  let state = "";
  let needsMore = false;
  let back = Promise.withResolvers<string>();

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", origin);
    if (url.pathname === "/client.json") {
      response.setHeader("Content-Type", "application/json").end(JSON.stringify({ ...metadata, client_id: here }));
      return;
    }
    const { code, error, iss, ...rest } = Object.fromEntries(url.searchParams);
    const expected = discovery?.authorizationServerMetadata?.issuer;
    if (url.pathname !== "/callback" || state === "" || rest.state !== state || (iss ?? expected) !== expected) {
      response.writeHead(400).end("This client did not start that.");
      return;
    }
    state = "";
    response.end("Done. You can close this window.");
    if (code === undefined) back.reject(new Error(`No access: ${error}`));
    else back.resolve(code);
  }).listen(port, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const here = `${origin}/client.json`;
  const redirectUrl = `${origin}/callback`;
  const metadata = {
    client_name: "Photo helper",
    redirect_uris: [redirectUrl],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  };

  const provider: OAuthClientProvider = {
    redirectUrl,
    clientMetadata: metadata,
    // The SDK wants https for it, as it must be anywhere but in development: there the URL is simply the client_id.
    ...(clientMetadataUrl === undefined ? {} : { clientMetadataUrl }),
    clientInformation: () =>
      information ?? (clientMetadataUrl === undefined ? { client_id: client_id ?? here } : undefined),
    saveClientInformation: (saved) => {
      information = saved;
    },
    state: () => {
      state = randomBytes(32).toString("base64url");
      return state;
    },
    tokens: () => {
      if (tokens === undefined || !needsMore) return tokens;
      // A refresh never gives more than there was (RFC 6749 §6): without the refresh token the SDK asks the person.
      const { refresh_token: _, ...rest } = tokens;
      return rest;
    },
    saveTokens: (saved) => {
      tokens = saved;
      needsMore = false;
    },
    saveDiscoveryState: (saved) => {
      discovery = saved;
    },
    redirectToAuthorization: (url) => {
      back = Promise.withResolvers();
      open(url);
    },
    saveCodeVerifier: (saved) => {
      verifier = saved;
    },
    codeVerifier: () => verifier,
  };
  return {
    provider,
    code: () => back.promise,
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      const challenge = response.headers.get("WWW-Authenticate") ?? "";
      if (response.status === 403 && /error="insufficient_scope"/.test(challenge)) needsMore = true;
      return response;
    },
    scope: () => tokens?.scope,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
