/** What `serve --mcp` adds to a configuration, and what it does not take. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readSettings, type Sourced } from "../settings.ts";
import { mcpLines, mcpScope, mcpUrl, withMcp } from "./mcp-flags.ts";

const url = "http://localhost:3000/mcp";
const given = (values: Record<string, unknown>): Map<string, Sourced> =>
  new Map(Object.entries(values).map(([key, value]) => [key, { value, origin: "file" }]));

test("the profile, the resource with its scopes and their words are added; the rest of the configuration stays", () => {
  const other = { resource: "https://api.example", scopes: ["other"] };
  const before = given({
    profile: "openid",
    resources: [other, { resource: url, scopes: ["old"] }],
    scopes: { other: "Others" },
    clientIdDocuments: false,
  });
  const scopes = mcpScope("write", mcpScope("read=Read = look"));
  const { settings, origins } = readSettings(withMcp(before, url, scopes));
  assert.equal(settings.profile, "mcp");
  assert.deepEqual(settings.resources, [
    { ...other, tokens: "opaque" },
    { resource: url, scopes: ["read", "write"], tokens: "at+jwt" },
  ]);
  assert.deepEqual(settings.scopes, { other: "Others", read: "Read = look" });
  assert.equal(settings.clientIdDocuments, false);
  assert.equal(settings.registration, "off");
  assert.equal(origins.get("resources"), "--mcp");
  const closed = mcpLines("http://localhost:4000", url, scopes, "off").join();
  assert.match(closed, /resource: "http:\/\/localhost:3000\/mcp", scope: "read"/);
  assert.match(closed, /\(that is all they need; those that register themselves: --registration open\)/);
  assert.match(mcpLines("http://localhost:4000", url, scopes, "open").join(), /\(that is all they need\)/);
});

test("a resources setting that is no list is reported as that", () => {
  assert.throws(() => readSettings(withMcp(given({ resources: "all" }), url, [])), /resources must be a list/);
});

test("the URL must be https or on loopback, a scope one word, its words not empty", () => {
  assert.equal(mcpUrl("https://mcp.example/mcp"), "https://mcp.example/mcp");
  for (const wrong of ["mcp", "http://mcp.example/mcp", "https://mcp.example/mcp#x", "ftp://localhost/"])
    assert.throws(() => mcpUrl(wrong), /https or on this machine/, wrong);
  for (const wrong of ["", "=words", "a b", 'a"', "a="]) assert.throws(() => mcpScope(wrong), /one scope/, wrong);
});
