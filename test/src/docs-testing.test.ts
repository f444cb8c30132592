/**
 * Docs that run: every snippet of docs/testing.md is a program that does what it asserts, in a process of its own; and the first
 * one of docs/terminal.md signs somebody in, against the issuer of the former.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { runProcess } from "@valetkey/test-support/process";

const root = resolve(import.meta.dirname, "../..");

const snippetsOf = (page: string): string[] =>
  [...readFileSync(join(root, page), "utf8").matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? "");

/** Runs a program inside the project, so that the packages are found as a user's would be. */
const run = async (folder: string, name: string, text: string, env: NodeJS.ProcessEnv = process.env) => {
  const file = join(folder, `${name}.ts`);
  await writeFile(file, text);
  return runProcess(process.execPath, [file], { env, cwd: folder });
};

describe("the snippets of docs/testing.md", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(root, "test", ".testing-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const snippets = snippetsOf("docs/testing.md");
  it("are all there", () => assert.ok(snippets.length >= 7, `${snippets.length}`));

  for (const [index, text] of snippets.entries()) {
    it(`number ${index + 1} runs and holds`, async () => {
      const { code, stderr } = await run(folder, `snippet-${index}`, text);
      assert.deepEqual([code, stderr.replaceAll(/^\[valetkey\].*$/gm, "").trim()], [0, ""]);
    });
  }

  it("would be seen to fail", async () => {
    const { code } = await run(folder, "wrong", (snippets[0] ?? "").replace('"Alice");', '"Bob");'));
    assert.equal(code, 1);
  });
});

describe("the first snippet of docs/terminal.md", () => {
  it("signs somebody in through a browser, and calls the API with a token for it", async () => {
    const folder = await mkdtemp(join(root, "test", ".terminal-"));
    try {
      const [snippet = ""] = snippetsOf("docs/terminal.md");
      assert.ok(snippet.split("\n").filter((line) => line.trim() !== "").length <= 6);
      const { code, stdout, stderr } = await run(folder, "program", around(snippet), {
        PATH: process.env.PATH,
        HOME: folder,
        BROWSER: "true",
      });
      assert.equal(code, 0, stderr);
      assert.equal(stdout, "alice@example.test { photos: [ 'of alice' ] }\n");
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  /** The world the snippet lives in: issuer and API answer at their addresses, and whoever is at the screen signs in. */
  const around = (snippet: string): string => `
    import { startTestServer } from "@valetkey/provider/testing";
    import { protectResource } from "@valetkey/resource/protect";
    const audience = "https://api.example.org";
    const scopes = { "photos:read": "See your photos" };
    const clients = [{
      client_id: "tool", token_endpoint_auth_method: "none", application_type: "native",
      redirect_uris: ["http://127.0.0.1/callback"], grant_types: ["authorization_code", "refresh_token"],
    }] as const;
    const users = [{ sub: "alice", email: "alice@example.test" }];
    const idp = await startTestServer({ issuer: "https://id.example.org", users, clients, scopes, resources: [audience] });
    const { requireOAuth } = protectResource({ issuer: idp.issuer, audience, fetch: idp.fetch, now: idp.clock.now });
    const photos = requireOAuth()((_, token) => Response.json({ photos: [\`of \${token.sub}\`] }));
    const real = globalThis.fetch;
    globalThis.fetch = async (input, init) => {
      const request = new Request(input, init);
      return request.url.startsWith(audience) ? photos(request) : idp.fetch(request);
    };
    const write = process.stderr.write.bind(process.stderr);
    process.stderr.write = (text) => {
      const url = /https:\\/\\/id\\.example\\.org\\/authorize\\S+/.exec(String(text))?.[0];
      if (url !== undefined) {
        const port = new URL(new URL(url).searchParams.get("redirect_uri")).origin;
        void idp.browser({ [port]: real }).signIn("alice", { at: url });
      }
      return write(text);
    };
    ${snippet}`;
});
