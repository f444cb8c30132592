/**
 * The limit: `node:http` that parses a form and answers 800 bytes of JSON, and knows nothing of OAuth.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { ready } from "../target.ts";

const answer = JSON.stringify({
  access_token: "x".repeat(700),
  token_type: "Bearer",
  expires_in: 3600,
  scope: "a b c",
});
const body = answer.slice(0, -2).padEnd(798, " d") + answer.slice(-2);

const server = createServer({ keepAlive: true }, (request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const form = new URLSearchParams(Buffer.concat(chunks).toString());
    const known = form.has("grant_type");
    response.writeHead(known ? 200 : 400, { "content-type": "application/json", "content-length": body.length });
    response.end(body);
  });
});
server.listen(0, "127.0.0.1", () => {
  ready({ port: (server.address() as AddressInfo).port, able: [], paths: { token: "/token" } });
});
