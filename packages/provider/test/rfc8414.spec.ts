import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { implicitIdToken, tokensInRedirect } from "@valetkey/provider/legacy";
import { code } from "@valetkey/provider/response-types";
import { createWorld } from "./op.ts";

describe("grant_types_supported (RFC 8414 §2, RFC 7591 §2.1)", () => {
  const grantTypesWith = async (options: Parameters<typeof createWorld>[0]) =>
    (await createWorld(options)).provider.metadata.grant_types_supported ?? [];

  for (const type of [implicitIdToken, ...tokensInRedirect]) {
    it(`has implicit where the response type ${type.response_type} may be asked for`, async () => {
      const announced = await grantTypesWith({ responseTypes: [code, type] });
      assert.equal(announced.filter((one) => one === "implicit").length, 1);
    });
  }

  it("has no implicit where a code is all there is", async () => {
    assert.equal((await grantTypesWith({})).includes("implicit"), false);
  });
});
