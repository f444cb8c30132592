/**
 * How the client signs in: an OAuthClientProvider of the MCP SDK that keeps everything in memory, and its loopback server, where
 * the document about the client is and where people come back to.
 *
 * draft-ietf-oauth-client-id-metadata-document-03, RFC 8252 §7.3. Guarantees that an answer counts only with the state that was sent,
 * and once. Whether it is from the issuer the person was sent to (RFC 9207) is for the SDK to check.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type {
  OAuthClientProvider,
  OAuthDiscoveryState,
  StoredOAuthClientInformation,
  StoredOAuthTokens,
} from "@modelcontextprotocol/client";

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
  /** Waits for the person to come back, and gives what the authorization server said. */
  answer(): Promise<URLSearchParams>;
  /** What the tokens allow now. */
  scope(): string | undefined;
  /** Makes the access token useless, as time does. */
  expire(): void;
  close(): void;
}

/** Starts the loopback server; port 0 takes a free one. */
export async function startSignIn({ port, clientMetadataUrl, client_id, open }: SignInOptions): Promise<SignIn> {
  let information: StoredOAuthClientInformation | undefined;
  let tokens: StoredOAuthTokens | undefined;
  let discovery: OAuthDiscoveryState | undefined;
  let verifier = "";
  let state = "";
  let back = Promise.withResolvers<URLSearchParams>();

  const server = createServer((request, response) => {
    // Anybody may ask for `//` or `*`, which are no URLs.
    const asked = `${origin}${request.url}`;
    const { pathname, searchParams } = new URL(URL.canParse(asked) ? asked : origin);
    if (pathname === "/client.json") {
      response.setHeader("Content-Type", "application/json").end(JSON.stringify({ ...metadata, client_id: here }));
      return;
    }
    if (pathname !== "/callback" || state === "" || searchParams.get("state") !== state) {
      response.writeHead(400).end("This client did not start that.");
      return;
    }
    state = "";
    response.end("Done. You can close this window.");
    back.resolve(searchParams);
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
    clientInformation: (context) => {
      // It belongs to the authorization server it is used at first, and to no other.
      if (clientMetadataUrl === undefined)
        information ??= { client_id: client_id ?? here, ...(context && { issuer: context.issuer }) };
      return information;
    },
    saveClientInformation: (saved) => {
      information = saved;
    },
    state: () => {
      state = randomBytes(32).toString("base64url");
      return state;
    },
    tokens: () => tokens,
    saveTokens: (saved) => {
      tokens = saved;
    },
    discoveryState: () => discovery,
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
    answer: () => back.promise,
    scope: () => tokens?.scope,
    expire: () => {
      if (tokens !== undefined) tokens = { ...tokens, access_token: "expired" };
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
