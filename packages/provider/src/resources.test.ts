import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isOAuthError } from "@valetkey/protocol/errors";
import { parseForm } from "@valetkey/protocol/form";
import type { Resource } from "./op.ts";
import { chooseAudience } from "./resources.ts";

const [a, b, j] = ["https://a.test", "https://b.test", "https://j.test"];
const list: Resource[] = [
  { resource: a, scopes: ["x", "y"], tokens: "opaque" },
  { resource: b, scopes: ["y", "z"], tokens: "opaque" },
  { resource: j, scopes: ["x"], tokens: "at+jwt" },
];
const op = { issuer: "https://id.test", resources: new Map(list.map((one) => [one.resource, one])) };

/** asked, granted scopes, granted resources → resources, scopes; or the error. */
const table: [string[], string[], string[], [string[], string[]] | "invalid_target"][] = [
  [[], ["openid", "x"], [a], [[], ["openid", "x"]]],
  [[], ["x", "email"], [a], [[a], ["x"]]],
  [
    [],
    ["x", "z"],
    [a, b],
    [
      [a, b],
      ["x", "z"],
    ],
  ],
  [[], ["x"], [a, j], [[], ["x"]]],
  [[], ["email"], [], [[], ["email"]]],
  // Nobody named a resource: the scope says which, if it says one.
  [[], ["z", "email"], [], [[b], ["z"]]],
  [[], ["y"], [], [[], ["y"]]],
  [[], ["openid", "z"], [], [[], ["openid", "z"]]],
  [[b], ["z"], [], "invalid_target"],
  [[], ["x"], ["https://gone.test"], [[], ["x"]]],
  [[a], ["openid", "x", "z"], [a, b], [[a], ["x"]]],
  [[a, a], ["x"], [a], [[a], ["x"]]],
  [[op.issuer], ["x"], [a], [[], ["x"]]],
  [[b], ["x"], [a], "invalid_target"],
  [[a, j], ["x"], [a, j], "invalid_target"],
  [[op.issuer, a], ["x"], [a], "invalid_target"],
  [["https://gone.test"], ["x"], ["https://gone.test"], "invalid_target"],
  [[`${a}/`], ["x"], [a], "invalid_target"],
];

describe("the audience of an access token (RFC 8707 §2)", () => {
  for (const [asked, scope, resource, expected] of table) {
    it(`asked ${asked.join(" ") || "nothing"}, granted ${scope.join(" ")} at ${resource.join(" ") || "nothing"}`, () => {
      const form = parseForm(new URLSearchParams(asked.map((one) => ["resource", one])).toString(), {
        repeatable: ["resource"],
      });
      const choose = () => chooseAudience(op, form, { scope, resource });
      if (expected === "invalid_target") assert.throws(choose, (error) => isOAuthError(error, expected));
      else assert.deepEqual(choose(), { resource: expected[0], scope: expected[1] });
    });
  }
});
