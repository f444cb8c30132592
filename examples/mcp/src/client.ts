/**
 * `npm run client`: a client nobody registered signs a person in, calls both tools, asks for more when a tool needs more, and
 * refreshes its tokens. MCP_URL names the MCP server; CLIENT_PORT moves the loopback server of the client.
 *
 * With CLIENT_METADATA_URL the document about the client is there (https); with CLIENT_ID the client is a registered one. With MCP_SDK=1
 * it uses version 1 of the SDK.
 */
import { connect } from "./connection.ts";
import { connectV1 } from "./connection-v1.ts";
import { startSignIn } from "./sign-in.ts";

const { MCP_URL = "http://localhost:4008/mcp", CLIENT_PORT = "4009", CLIENT_METADATA_URL, CLIENT_ID } = process.env;
const signIn = await startSignIn({
  port: Number(CLIENT_PORT),
  clientMetadataUrl: CLIENT_METADATA_URL,
  client_id: CLIENT_ID,
  open: (url) => console.log(`open ${url}`),
});

try {
  const allowed = () => console.log(`allowed ${signIn.scope()}`);
  const start = process.env.MCP_SDK === "1" ? connectV1 : connect;
  const connection = await start(new URL(MCP_URL), signIn, allowed);
  console.log(`connected, version ${connection.version}`);
  const call = async (name: string, more?: Record<string, unknown>) =>
    console.log(`${name}: ${await connection.call(name, more)}`);
  await call("list_photos");
  await call("upload_photo", { title: "Tax papers", is_private: true });
  await call("list_photos", { include_private: true });
  signIn.expire();
  await call("list_photos", { include_private: true });
  console.log(`refreshed ${signIn.scope()}`);
  await connection.close();
} finally {
  signIn.close();
}
