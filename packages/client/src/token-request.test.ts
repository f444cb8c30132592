import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isClientError } from "./client-error.ts";
import { bearer, json, startLoopback } from "./lib/loopback.test.ts";
import { tokenRequest } from "./token-request.ts";

const client = { client_id: "c", token_endpoint_auth_method: "none" } as const;

describe("token answers", () => {
  it("a token is what a header can carry: printable, without blanks; services use more characters than RFC 6750 §2.1 (RP-09)", async () => {
    await using server = await startLoopback();
    const ask = (access_token: unknown) => {
      server.answer(json({ ...bearer, access_token }));
      return tokenRequest({ grant_type: "refresh_token" }, { metadata: server.metadata, client });
    };
    for (const good of ["00D50000000IZ3Z!AQ0AQ", "Atza|IQEBLjAsAhRmHjNgHpi0U", "a.b-c_d~e+f/g==", "x".repeat(16_384)]) {
      assert.equal((await ask(good)).access_token, good);
    }
    for (const bad of ["", "a b", "a\nb", "a\u0000", "ä", "x".repeat(16_385), 1, null, undefined, ["a"]]) {
      await assert.rejects(ask(bad), (e) => isClientError(e, "token_response_invalid"), String(bad).slice(0, 20));
    }
  });
});
