/**
 * Starts the example on http://localhost:4002 with SQLite in ./data and one user, alice@example.com.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { sqliteStore } from "@valetkey/store/sqlite";
import { makeApp } from "./app.ts";
import { makeProvider } from "./provider.ts";
import { users } from "./users.ts";

const port = Number(process.env.PORT ?? 4002);
const secret = process.env.VALETKEY_SECRET;
if (secret === undefined) {
  console.error("Set VALETKEY_SECRET to at least 32 random characters: it encrypts the signing keys in the store.");
  process.exit(3);
}
mkdirSync("data", { recursive: true, mode: 0o700 });
const password = randomBytes(12).toString("base64url");
await users.add({ id: "alice", name: "Alice", email: "alice@example.com", password });
const store = await sqliteStore({ file: "data/example-provider.db" });
const issuer = `http://localhost:${port}`;
makeApp(makeProvider({ issuer, secret, store })).listen(port, "localhost", () => {
  console.log(`ready ${issuer}`);
  console.error(`sign in as alice@example.com with the password ${password}`);
});
