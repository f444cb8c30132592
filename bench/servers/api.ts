/**
 * Ours as an API in the process of its own provider: opaque tokens read from the store, signed ones verified, on bare `node:http`.
 *
 * Argument: the file. `/token` and the API answer on the same port.
 */
import { createServer as listen } from "node:http";
import type { AddressInfo } from "node:net";
import { clientCredentials } from "@valetkey/provider/grants/client-credentials";
import { nodeHandler } from "@valetkey/provider/node";
import { type CheckedRequest, type Middleware, protectResource, tokenOf } from "@valetkey/resource/node";
import { sqliteStore } from "@valetkey/store/sqlite";
import { createServer } from "valetkey";
import { audiences, clients, person } from "../cast.ts";
import { ready } from "../target.ts";

const [file = ""] = process.argv.slice(2);
const listener = listen().listen(0, "127.0.0.1", async () => {
  const { port } = listener.address() as AddressInfo;
  const issuer = `http://localhost:${port}`;
  const server = await createServer({
    issuer,
    store: await sqliteStore({ file }),
    secret: "kept-by-nobody-0123456789-abcdefghijklmnopqrstuvwxyz",
    accounts: { find: (sub) => ({ sub, claims: { name: person.name } }), verify: () => ({ ok: false }) },
    grants: [clientCredentials],
    signingAlgs: ["ES256"],
    resources: [
      { resource: audiences.opaque, scopes: ["read"], tokens: "opaque" },
      { resource: audiences.signed, scopes: ["see"], tokens: "at+jwt" },
    ],
    scopes: { read: "Read what is there", see: "See what is there" },
  });
  const { provider } = server;
  await provider.clients.add(
    { ...clients.machine, grant_types: ["client_credentials"], scope: "read see" },
    { provenance: "config" },
  );
  const apis: Readonly<Record<string, Middleware>> = {
    "/api": protectResource({ issuer, audience: audiences.opaque, read: provider.tokens.read }).requireOAuth("read"),
    "/signed": protectResource({ issuer, audience: audiences.signed }).requireOAuth("see"),
  };
  const answer = nodeHandler(server);
  listener.on("request", (request, response) => {
    const api = apis[request.url ?? ""];
    if (api === undefined) return void answer(request, response);
    void api(request as CheckedRequest, response, () => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ client_id: tokenOf(request as CheckedRequest)?.client_id }));
    });
  });
  ready({
    port,
    able: ["api-opaque", "api-signed"],
    paths: { token: "/token", api: "/api", signed: "/signed" },
    opaque: { scope: "read" },
    signed: { scope: "see" },
    started: performance.now(),
  });
});
