/**
 * Foreign ends for OAuth 1.0a: a provider made with oauthlib, a client made with requests_oauthlib.
 * Needs Debian's python3-oauthlib, python3-requests-oauthlib, python3-jwt and python3-cryptography.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { test } from "node:test";
import type { Jwk } from "@valetkey/protocol/jwk";
import { python, skipWithout } from "@valetkey/test-support/python";

const here = resolve(import.meta.dirname, "../../src/lib");
const packages = "apt-get install python3-oauthlib python3-requests-oauthlib python3-jwt";

/** For tests that need these ends. */
export const skip = skipWithout(
  ["oauthlib", "requests_oauthlib", "jwt"],
  ["python3-oauthlib", "python3-requests-oauthlib", "python3-jwt", "python3-cryptography"],
);

export interface ForeignProvider extends AsyncDisposable {
  readonly url: string;
  readonly client_id: string;
  readonly client_secret: string;
  readonly private_key: Jwk;
}

/** Starts a script and gives the first line it prints. */
async function start(script: string, input: unknown) {
  const child = spawn(python, [resolve(here, script)], { stdio: ["pipe", "pipe", "pipe"] });
  let problem = "";
  child.stderr.on("data", (chunk) => {
    problem += chunk;
  });
  child.on("error", (e) => {
    problem += e.message;
  });
  child.stdin.on("error", () => undefined);
  child.stdin.end(JSON.stringify(input));
  const closed = once(child, "close").catch(() => undefined);
  const line = await Promise.race([once(createInterface({ input: child.stdout }), "line"), closed]);
  assert.ok(line?.[0] && child.exitCode === null, `${script} did not start (${packages}):\n${problem}`);
  return { line: String(line[0]), child, closed };
}

export async function startOauthlib(): Promise<ForeignProvider> {
  const pem = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const client = { client_id: "consumer0key0of0twenty0", client_secret: "s3cret & é", rsa_key: pem.publicKey };
  const { line, child, closed } = await start("oauthlib-provider.py", client);
  return {
    url: `http://127.0.0.1:${line}`,
    client_id: client.client_id,
    client_secret: client.client_secret,
    private_key: createPrivateKey(pem.privateKey).export({ format: "jwk" }) as unknown as Jwk,
    async [Symbol.asyncDispose]() {
      child.kill();
      await closed;
    },
  };
}

/** Has requests_oauthlib send requests, and gives the status of each answer. */
export async function sendWithRequests(requests: readonly Record<string, unknown>[]): Promise<number[]> {
  const child = spawn(python, [resolve(here, "requests-oauthlib-client.py")]);
  let [out, problem] = ["", ""];
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    problem += chunk;
  });
  child.stdin.on("error", () => undefined);
  child.stdin.end(JSON.stringify(requests));
  const [code] = await once(child, "close");
  assert.equal(code, 0, `requests_oauthlib did not answer (${packages}):\n${problem}`);
  return JSON.parse(out) as number[];
}

test("the foreign provider refuses what is not signed", { skip }, async () => {
  await using provider = await startOauthlib();
  assert.equal((await fetch(`${provider.url}/api/me`)).status, 401);
  assert.equal((await fetch(`${provider.url}/request_token`, { method: "POST" })).status, 400);
});
