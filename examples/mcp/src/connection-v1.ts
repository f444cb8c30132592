/**
 * The client on version 1 of the SDK, which speaks versions of the protocol up to 2025-11-25.
 *
 * Three things it leaves to its user: that the answer is from the issuer the person was sent to (RFC 9207 §2.4), errors of that answer,
 * and more scope: asked for it while it has a refresh token it refreshes, which never gives more than there was (RFC 6749 §6).
 */
import { type OAuthClientProvider, UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { type Connect, showing } from "./connection.ts";
import type { SignIn } from "./sign-in.ts";

/** With version 1 of the SDK. */
export const connectV1: Connect = async (url, signIn, allowed) => {
  const options = askingForMore(signIn.provider as OAuthClientProvider);
  const transport = () => new StreamableHTTPClientTransport(url, options);
  let current = transport();
  const client = new Client({ name: "photo-helper", version: "0.1.0" });
  /** Does it, and once more where somebody had to be sent to the authorization server first. */
  const orAllowed = async <Result>(what: () => Promise<Result>): Promise<Result> => {
    try {
      return await what();
    } catch (error) {
      if (!(error instanceof UnauthorizedError)) throw error;
      await current.finishAuth(await codeFrom(signIn));
      allowed();
      return what();
    }
  };
  await orAllowed(() => {
    current = transport();
    // The SDK's own classes disagree with its interface about undefined.
    return client.connect(current as Transport);
  });
  return {
    version: current.protocolVersion,
    call: async (name, more = {}) => {
      const { content } = await orAllowed(() => client.callTool({ name, arguments: more }));
      return (content as { text?: string }[]).map(({ text = "" }) => text).join();
    },
    close: () => client.close(),
  };
};

/** Where more scope is needed, the refresh token is kept from the SDK until it has new tokens: then it asks the person. */
function askingForMore(provider: OAuthClientProvider): { authProvider: OAuthClientProvider; fetch: typeof fetch } {
  let needsMore = false;
  const authProvider: OAuthClientProvider = {
    ...provider,
    tokens: async () => {
      const tokens = await provider.tokens();
      if (tokens === undefined || !needsMore) return tokens;
      const { refresh_token: _, ...rest } = tokens;
      return rest;
    },
    saveTokens: (saved) => {
      needsMore = false;
      return provider.saveTokens(saved);
    },
  };
  return {
    authProvider,
    fetch: async (input, init) => {
      const response = await showing(input, init);
      const challenge = response.headers.get("WWW-Authenticate") ?? "";
      if (response.status === 403 && /error="insufficient_scope"/.test(challenge)) needsMore = true;
      return response;
    },
  };
}

async function codeFrom({ provider, answer }: SignIn): Promise<string> {
  const { code, error, iss } = Object.fromEntries(await answer());
  const { authorizationServerMetadata: metadata } = (await provider.discoveryState?.()) ?? {};
  const saysIssuer = metadata?.authorization_response_iss_parameter_supported === true;
  if ((saysIssuer || iss !== undefined) && iss !== metadata?.issuer)
    throw new Error("That answer is not from the authorization server the person was sent to.");
  if (code === undefined) throw new Error(`No access: ${error}`);
  return code;
}
