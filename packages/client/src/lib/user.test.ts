/** Claims from two documents, put together. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { IdTokenClaims } from "@valetkey/protocol/id-token";
import { userOf } from "./user.ts";

const id: IdTokenClaims = { iss: "https://id.example", sub: "s1", aud: "app", exp: 2, iat: 1 };

test("an address counts as verified by the document it stands in, never by the other one (Core §5.7)", () => {
  const cases: [token: object, userinfo: object, email: unknown, verified: unknown][] = [
    [{ email: "me@own.example", email_verified: true }, { email: "you@corp.example" }, "me@own.example", true],
    [{ email: "me@own.example", email_verified: true }, {}, "me@own.example", true],
    [{ email: "me@own.example" }, { email: "you@corp.example", email_verified: true }, "me@own.example", undefined],
    [{ email: "me@own.example" }, { email_verified: true }, "me@own.example", undefined],
    [{ email: "me@own.example" }, { email: "me@own.example", email_verified: true }, "me@own.example", true],
    [{ email_verified: true }, { email: "you@corp.example" }, "you@corp.example", undefined],
    [{}, { email: "you@corp.example", email_verified: true }, "you@corp.example", true],
  ];
  for (const [token, userinfo, email, verified] of cases) {
    const user = userOf({ ...id, ...token }, { sub: "s1", ...userinfo });
    assert.deepEqual([user.email, user.email_verified], [email, verified], JSON.stringify([token, userinfo]));
    assert.deepEqual([user.claims.email, user.claims.email_verified], [email, verified]);
  }
  const { claims } = userOf({ ...id, phone_number_verified: true }, { sub: "s1", phone_number: "+1" });
  assert.equal(claims.phone_number_verified, undefined);
});
