/** Clients of the configuration, where several servers start with it at once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { secretBasic } from "@valetkey/provider/client-auth/secret";
import { secretJwt } from "@valetkey/provider/client-auth/secret-jwt";
import { clientIdDocuments } from "@valetkey/provider/client-id-documents";
import { createKeys } from "@valetkey/provider/keys";
import { silentLog } from "@valetkey/provider/log";
import { createProvider } from "@valetkey/provider/provider";
import { memoryStore } from "@valetkey/store/memory";
import { applyClients } from "./config-clients.ts";

const secret = "a secret of more than thirty-two characters";

test("ten servers that start with the same new client agree on it", async () => {
  const store = memoryStore();
  const keys = createKeys({ store, secret, algs: ["ES256"] });
  const declared = [
    { client_id: "wiki", client_name: "Wiki", client_secret: secret, redirect_uris: ["https://wiki.example/cb"] },
  ];
  const servers = Array.from({ length: 10 }, () =>
    createProvider({ issuer: "https://id.example", store, keys, secret, accounts: { find: () => undefined } }),
  );
  await Promise.all(servers.map(({ clients }) => applyClients(declared as never, clients, silentLog)));
  const listed = (await servers[0]?.clients.list()) ?? [];
  assert.deepEqual(
    listed.map(({ client_id, provenance, disabled }) => [client_id, provenance, disabled]),
    [["wiki", "config", false]],
  );
});

test("a client that goes over to client_secret_jwt with the secret it had can use it at once, and back", async () => {
  const store = memoryStore();
  const { clients } = createProvider({
    issuer: "https://id.example",
    store,
    keys: createKeys({ store, secret, algs: ["ES256"] }),
    secret,
    accounts: { find: () => undefined },
    clientAuth: [secretBasic, secretJwt()],
  });
  const kept = async (token_endpoint_auth_method: string) => {
    const declared = {
      client_id: "wiki",
      client_secret: secret,
      redirect_uris: ["https://wiki.example/cb"],
      token_endpoint_auth_method,
    };
    for (let start = 0; start < 2; start++) await applyClients([declared] as never, clients, silentLog);
    const { secrets = [] } = (await clients.find("wiki"))?.entry.data ?? {};
    return secrets.map(({ digest, sealed }) => [typeof digest, typeof sealed]);
  };
  assert.deepEqual(await kept("client_secret_basic"), [["string", "undefined"]]);
  assert.deepEqual(await kept("client_secret_jwt"), [["string", "string"]]);
  assert.deepEqual(await kept("client_secret_basic"), [["string", "undefined"]]);
});

test("a client of the configuration takes the place of one that was known by a document (CI-13)", async () => {
  const client_id = "https://agent.example/client.json";
  const store = memoryStore();
  const { clients, handle } = createProvider({
    issuer: "https://id.example",
    store,
    keys: createKeys({ store, secret, algs: ["ES256"] }),
    secret,
    accounts: { find: () => undefined },
    clientIdDocuments: clientIdDocuments(),
    fetch: async () => Response.json({ client_id, redirect_uris: ["https://agent.example/cb"] }),
  });
  await handle(new Request(`https://id.example/authorize?${new URLSearchParams({ client_id })}`));
  assert.equal((await clients.find(client_id))?.provenance, "document");
  const declared = { client_id, client_secret: secret, redirect_uris: ["https://ours.example/cb"] };
  for (let start = 0; start < 2; start++) {
    await applyClients([declared] as never, clients, silentLog);
    const found = await clients.find(client_id);
    assert.deepEqual([found?.provenance, found?.metadata.redirect_uris], ["config", ["https://ours.example/cb"]]);
  }
});
