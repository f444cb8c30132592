import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { claimsFor, findAccount, isClientSubject, reservedClaims, standardClaims } from "./claims.ts";
import { silentLog } from "./log.ts";
import type { Account } from "./op.ts";

const account: Account = {
  sub: "alice",
  claims: {
    name: "Alice",
    email: "a@people.test",
    email_verified: false,
    nickname: null,
    website: undefined,
    iss: "https://evil.test",
    tenant: 7,
  },
};
const op = { claims: { ...standardClaims, jobs: ["tenant"], evil: [...reservedClaims] } };

describe("claims by scope (OpenID Connect Core §5.4)", () => {
  for (const [scope, expected] of [
    [["openid"], {}],
    [["profile"], { name: "Alice" }],
    [["email"], { email: "a@people.test", email_verified: false }],
    [["jobs", "email", "email"], { tenant: 7, email: "a@people.test", email_verified: false }],
    [["unknown", "__proto__", "constructor"], {}],
    [["evil"], {}],
  ] as const) {
    it(`${scope.join(" ")}`, () => assert.deepEqual(claimsFor(op, scope, account), expected));
  }

  it("are not inherited from anywhere", () => {
    const odd: Account = { sub: "x", claims: Object.create({ name: "inherited" }) as Record<string, unknown> };
    assert.deepEqual(claimsFor(op, ["profile"], odd), {});
  });
});

describe("accounts", () => {
  const find = (found: Account | undefined, subject: string) =>
    findAccount({ accounts: { find: () => found }, log: silentLog }, subject);

  it("answer for the subject asked for or not at all (RT-16)", async () => {
    assert.equal(await find(account, "alice"), account);
    assert.equal(await find(account, "bob"), undefined);
    assert.equal(await find(undefined, "alice"), undefined);
  });

  it("are never in the namespace of clients (RS-10)", async () => {
    assert.equal(isClientSubject("client:x"), true);
    assert.equal(await find({ sub: "client:x", claims: {} }, "client:x"), undefined);
  });
});
