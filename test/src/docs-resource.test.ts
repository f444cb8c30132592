/**
 * The page docs/resource.md does what it says: its first snippet answers, its Nest snippet is the example that is tested.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { test } from "node:test";

const root = resolve(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/resource.md"), "utf8");
const snippets = [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? "");

/** Runs a snippet that exports something to fetch. Inside the project, so that the packages are found as a user's would be. */
async function fetchOf(snippet: string): Promise<(request: Request) => Promise<Response>> {
  const file = join(root, "test", `.resource-${process.pid}-${snippets.indexOf(snippet)}.ts`);
  await writeFile(file, snippet);
  try {
    const { default: app } = (await import(file)) as { default: { fetch(request: Request): Promise<Response> } };
    return async (request) => app.fetch(request);
  } finally {
    await rm(file);
  }
}

test("the first snippet challenges, and lets everybody in where that is said", async () => {
  const ask = await fetchOf(snippets[0] ?? assert.fail("no snippet"));
  const none = await ask(new Request("https://api.example.org/profile"));
  assert.equal(none.status, 401);
  assert.equal(none.headers.get("www-authenticate"), 'Bearer realm="https://api.example.org", scope="profile"');
  assert.equal(await (await ask(new Request("https://api.example.org/feed"))).text(), "for everybody");
  const bad = await ask(new Request("https://api.example.org/feed", { headers: { Authorization: "Bearer x" } }));
  assert.equal(bad.status, 401);
});

test("the snippet with the document serves it where it says", async () => {
  const snippet = snippets.find((text) => text.includes("use(metadata)")) ?? assert.fail("no snippet");
  const [, path] = /GET (\S+)/.exec(snippet) ?? [];
  const answer = await (await fetchOf(snippet))(new Request(`https://api.example.org${path}`));
  assert.partialDeepStrictEqual(await answer.json(), { resource: "https://api.example.org/v1" });
});

test("the snippet for pages lets those of one origin ask, call and read why they may not", async () => {
  const snippet = snippets.find((text) => text.includes("hono/cors")) ?? assert.fail("no snippet");
  const ask = await fetchOf(snippet);
  const from = (Origin: string, method: string) => {
    const asked = { "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization" };
    return ask(new Request("https://api.example.org/profile", { method, headers: { Origin, ...asked } }));
  };
  const said = ({ status, headers }: Response, ...names: string[]) => [
    status,
    ...names.map((name) => headers.get(`access-control-${name}`)),
  ];
  const preflight = await from("https://app.example", "OPTIONS");
  const names = ["allow-origin", "allow-headers", "allow-credentials"];
  assert.deepEqual(said(preflight, ...names), [204, "https://app.example", "authorization", null]);
  const refused = await from("https://app.example", "GET");
  assert.deepEqual(said(refused, "allow-origin"), [401, "https://app.example"]);
  assert.match(refused.headers.get("access-control-expose-headers") ?? "", /WWW-Authenticate/);
  const stranger = await from("https://evil.example", "GET");
  assert.notEqual(stranger.headers.get("access-control-allow-origin"), "https://evil.example");
});

test("the controller of the Nest snippet is that of the example", () => {
  const example = readFileSync(join(root, "examples/nest/src/photos.ts"), "utf8");
  const [, snippet = ""] = /^```text\n([\s\S]*?)^```$/m.exec(page) ?? [];
  const method = /@Controller[\s\S]*?\n {2}\}\n/.exec(snippet)?.[0] ?? assert.fail("no controller");
  assert.ok(example.includes(method.trimEnd()), method);
});
