/** Clients of the configuration, where several servers start with it at once. */
import assert from "node:assert/strict";
import { test } from "node:test";
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
