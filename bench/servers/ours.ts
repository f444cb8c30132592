/**
 * Ours, whole: `startServer` with its pages, limits, throttle and log, at the defaults of `valetkey serve`.
 *
 * Arguments: the database, and a port if it must be that one. People and clients come as they would anywhere: by the configuration, and by the directory.
 */

import { memoryStore } from "@valetkey/store/memory";
import { openDirectory } from "valetkey/accounts";
import type { Config } from "valetkey/config";
import { startServer } from "valetkey/serve";
import { audiences, clients, person, redirect_uri } from "../cast.ts";
import { ready } from "../target.ts";

const [database = "", port = "0"] = process.argv.slice(2);
const web = {
  redirect_uris: [redirect_uri],
  grant_types: ["authorization_code", "refresh_token"],
  firstParty: true,
};
const config: Config = {
  issuer: `http://localhost:${port}`,
  port: Number(port),
  database,
  signingAlgs: ["ES256", "RS256"],
  resources: [
    { resource: audiences.opaque, scopes: ["read"] },
    { resource: audiences.signed, scopes: ["see"], tokens: "at+jwt" },
  ],
  scopes: { read: "Read what is there", see: "See what is there" },
  clients: [
    {
      ...clients.machine,
      grant_types: ["client_credentials"],
      scope: "read see",
      introspects: [audiences.opaque],
    },
    { ...clients.ES256, ...web, id_token_signed_response_alg: "ES256" },
    { ...clients.RS256, ...web, id_token_signed_response_alg: "RS256" },
  ],
};

const directory = await openDirectory({ database, store: memoryStore() });
if (await directory.empty()) await directory.create(person);
await directory.close();

const server = await startServer(config);
ready({
  port: server.port,
  able: ["token", "token-signed", "introspect", "code-ES256", "code-RS256", "refresh", "userinfo", "flow"],
  paths: { token: "/token", introspect: "/introspect", authorize: "/authorize", userinfo: "/userinfo" },
  signed: { scope: "see" },
  started: performance.now(),
});
