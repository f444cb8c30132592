/**
 * The presets as a whole: enough of them, each with its sources and its test, none with a mistake that would show on first use.
 */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { presets } from "./preset-list.ts";

test("there are presets for at least 60 providers, each named once", () => {
  assert.ok(presets.length >= 60, `${presets.length}`);
  assert.equal(new Set(presets.map(({ name }) => name)).size, presets.length);
  for (const { call, name } of presets) assert.equal(call.toLowerCase(), name);
});

test("each preset names documentation of the provider's, and says whether it could be confirmed", () => {
  for (const { name, sources, confirmed } of presets) {
    assert.ok(sources.length > 0, name);
    for (const source of sources) assert.equal(new URL(source).protocol, "https:", source);
    assert.ok(confirmed === true || confirmed.endsWith("."), `${name}: a sentence`);
  }
});

test("each preset makes a provider under its name, with https addresses only", () => {
  for (const { name, label, kind, provider } of presets) {
    assert.deepEqual([provider.name, provider.kind, provider.label], [name, kind, label]);
    const urls = Object.entries(provider).filter(([key, value]) => /_endpoint$|^api$|^issuer$/.test(key) && value);
    assert.ok(urls.length > 0);
    for (const [, url] of urls) assert.equal(new URL(String(url)).protocol, "https:", `${name}: ${url}`);
  }
});

test("each preset has a test with documented answers", () => {
  const folder = resolve(import.meta.dirname, "../src/providers");
  const tests = globSync("*.test.ts", { cwd: folder }).map((file) => readFileSync(resolve(folder, file), "utf8"));
  const text = tests.join("\n");
  const untested = presets.filter(({ call }) => !new RegExp(`\\b${call}\\((\\{|registered)`).test(text));
  assert.deepEqual(
    untested.map(({ call }) => call),
    [],
  );
});
