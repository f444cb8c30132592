/**
 * Three-legged OAuth 1.0a by hand, for a program in a terminal: the person opens a page, allows access, and types the code it
 * shows (callback "oob").
 *
 *   BIRD_CLIENT_ID=... BIRD_CLIENT_SECRET=... npm run connect
 */
import { createInterface } from "node:readline/promises";
import { pathToFileURL } from "node:url";
import { oauth1AuthorizationUrl } from "@valetkey/client/oauth1-authorization-url";
import type { OAuth1Client } from "@valetkey/client/oauth1-client";
import { requestTemporaryCredentials } from "@valetkey/client/oauth1-temporary-credentials";
import { requestTokenCredentials } from "@valetkey/client/oauth1-token-credentials";

/** Gets a token; `ask` shows the URL to the person and gives what they typed. */
export async function connect(bird: string, client: OAuth1Client, ask: (url: URL) => Promise<string>) {
  // 1. Temporary credentials: which program asks, and that the person will type a verifier.
  const request_token_endpoint = `${bird}/oauth/request_token`;
  const { oauth_token, oauth_token_secret } = await requestTemporaryCredentials({ request_token_endpoint, client });

  // 2. The person allows it.
  const oauth_verifier = await ask(
    oauth1AuthorizationUrl({ authorization_endpoint: `${bird}/oauth/authorize`, oauth_token }),
  );

  // 3. A token, good until the person takes it back.
  const token_endpoint = `${bird}/oauth/access_token`;
  return requestTokenCredentials({ token_endpoint, client, oauth_token, oauth_token_secret, oauth_verifier });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { BIRD_CLIENT_ID: client_id, BIRD_CLIENT_SECRET: client_secret } = process.env;
  if (!client_id || !client_secret) {
    console.error("Set BIRD_CLIENT_ID and BIRD_CLIENT_SECRET: npm start shows them for the example's own service.");
    process.exit(3);
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const { oauth_token, oauth_token_secret } = await connect(
    process.env.BIRD ?? "http://localhost:4004",
    { client_id, client_secret },
    (url) => terminal.question(`Open ${url}\nand type the code you see: `).then((text) => text.trim()),
  );
  terminal.close();
  console.log(`BIRD_TOKEN=${oauth_token}\nBIRD_TOKEN_SECRET=${oauth_token_secret}`);
}
