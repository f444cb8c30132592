/**
 * Starts the service on http://localhost:4004 and the app that signs people in with it on http://localhost:4005.
 */
import { createAdaptorServer } from "@hono/node-server";
import { randomToken } from "@valetkey/protocol/random";
import { makeApp, type Site } from "./app.ts";
import { makeBird } from "./bird.ts";

const listen = ({ fetch }: Site, port: number) =>
  new Promise<void>((resolve, reject) => {
    const server = createAdaptorServer({ fetch });
    server.once("error", reject);
    server.listen(port, "localhost", resolve);
  });

const [bird, url] = ["http://localhost:4004", "http://localhost:4005"];
const credentials = { client_id: "example-app", client_secret: randomToken(24) };
await listen(makeBird({ ...credentials, name: "Example app", callback: `${url}/auth/callback/bird` }), 4004);
await listen(makeApp({ url, bird, ...credentials, secret: randomToken(32) }), 4005);
console.log(`ready ${url}`);
console.error(
  `for npm run connect: BIRD_CLIENT_ID=${credentials.client_id} BIRD_CLIENT_SECRET=${credentials.client_secret}`,
);
