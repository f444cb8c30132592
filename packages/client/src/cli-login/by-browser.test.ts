/** Signing in through the browser ends by the time that was set, whatever the program that opens it does. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { isClientError } from "../client-error.ts";
import { byBrowser } from "./by-browser.ts";
import type { Asking } from "./sign-in.ts";
import type { Terminal } from "./terminal.ts";

const asking = {
  metadata: {
    issuer: "https://id.test",
    authorization_endpoint: "https://id.test/authorize",
    token_endpoint: "https://id.test/token",
    code_challenge_methods_supported: ["S256"],
  },
  scope: "openid",
  identify: () => assert.fail("nobody has signed in"),
} satisfies Asking;

it("a program that neither opens a browser nor fails does not outlast the time there is", {
  timeout: 20_000,
}, async () => {
  const opened: string[] = [];
  const terminal = {
    client: { client_id: "cli", token_endpoint_auth_method: "none" },
    redirectUri: new URL("http://127.0.0.1/callback"),
    resource: [],
    parameters: {},
    prompt: undefined,
    timeout: 0.2,
    signal: undefined,
    say: () => undefined,
    open(url: string) {
      opened.push(url);
      return new Promise<boolean>(() => undefined);
    },
  } as unknown as Terminal;
  await assert.rejects(byBrowser(terminal, asking, { last: true }), (e) => isClientError(e, "access_denied"));
  assert.equal(opened.length, 1);
});
