/**
 * `npm run client`: a client nobody registered signs a person in, calls both tools, asks for more when a tool needs more, and
 * refreshes its tokens. MCP_URL names the MCP server; CLIENT_PORT moves the loopback server of the client.
 *
 * With CLIENT_METADATA_URL the document about the client is there (https); with CLIENT_ID the client is a registered one.
 */
import { auth, UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { startSignIn } from "./sign-in.ts";

const { MCP_URL = "http://localhost:4008/mcp", CLIENT_PORT = "4009", CLIENT_METADATA_URL, CLIENT_ID } = process.env;
const serverUrl = new URL(MCP_URL);
const signIn = await startSignIn({
  port: Number(CLIENT_PORT),
  clientMetadataUrl: CLIENT_METADATA_URL,
  client_id: CLIENT_ID,
  open: (url) => console.log(`open ${url}`),
});

try {
  const client = await connect();
  const call = async (name: string, more: Record<string, unknown> = {}) => {
    const { content } = await client.callTool({ name, arguments: more });
    console.log(`${name}: ${(content as { text?: string }[])[0]?.text}`);
  };
  await call("list_photos");
  await orAllowed(() => call("upload_photo", { title: "Tax papers", is_private: true }));
  await orAllowed(() => call("list_photos", { include_private: true }));
  // The SDK does this by itself as soon as the access token is refused.
  await auth(signIn.provider, { serverUrl });
  console.log(`refreshed ${signIn.scope()}`);
  await call("list_photos", { include_private: true });
  await client.close();
} finally {
  signIn.close();
}

/** Does it, and once more where somebody had to be sent to the authorization server first. */
async function orAllowed(what: () => Promise<void>): Promise<void> {
  try {
    await what();
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
    await allowed();
    await what();
  }
}

/** Waits until the person is back, and exchanges the code. */
async function allowed(): Promise<void> {
  const authorizationCode = await signIn.code();
  await auth(signIn.provider, { serverUrl, authorizationCode });
  console.log(`allowed ${signIn.scope()}`);
}

async function connect(): Promise<Client> {
  const attempt = async () => {
    const client = new Client({ name: "photo-helper", version: "0.1.0" });
    const options = { authProvider: signIn.provider, fetch: signIn.fetch };
    // The SDK's own classes disagree with its interface about undefined.
    await client.connect(new StreamableHTTPClientTransport(serverUrl, options) as Transport);
    return client;
  };
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
    await allowed();
    return attempt();
  }
}
