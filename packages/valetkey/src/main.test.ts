/** How the program finds its commands: each is listed, and none pays for what another needs. */
import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { runProcess } from "@valetkey/test-support/process";
import { commandsIn } from "./cli/place.test.ts";

const program = new URL("./main.js", import.meta.url).href;

/** Runs the words in a process of its own: which modules were loaded for them. */
async function loadedFor(words: readonly string[]): Promise<string[]> {
  const script = `
    import { registerHooks } from "node:module";
    const loaded = [];
    registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
    const { main } = await import(${JSON.stringify(program)});
    await main(${JSON.stringify(words)});
    process.stdout.write("\\nloaded " + JSON.stringify(loaded));`;
  const { code, stdout, stderr } = await runProcess(process.execPath, ["--input-type=module", "-e", script], {
    cwd: tmpdir(),
  });
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout.slice(stdout.lastIndexOf("loaded ") + "loaded ".length)) as string[];
}

test("every command of --help has help of its own, which begins with the same words", async () => {
  const run = commandsIn(tmpdir(), "none");
  const { out } = await run("--help");
  const listed = [...out.matchAll(/^ {2}(\w+)(?: \[.*\])? +(\S.*)$/gm)].filter(([line]) => !/^ {2}(-|help)/.test(line));
  assert.ok(listed.length >= 10, out);
  for (const [, name = "", about = ""] of listed) {
    const help = (await run(`${name} --help`)).out;
    assert.match(help, new RegExp(`^Usage: valetkey ${name} \\[options\\]`));
    assert.ok(help.includes(about), `${name}: ${help}`);
    assert.equal((await run(`help ${name}`)).out, help);
  }
});

test("help, version and explanations load neither provider nor database nor the schema of a configuration", async () => {
  for (const words of [["--help"], ["--version"], ["explain", "VK3000"], ["secret"], ["init", "--help"]]) {
    const loaded = await loadedFor(words);
    assert.deepEqual(
      loaded.filter((url) => /packages\/(provider|store)|kysely|zod|hono|\/pg\//.test(url)),
      [],
      words.join(" "),
    );
  }
  assert.ok((await loadedFor(["serve", "--help"])).some((url) => url.includes("packages/provider")));
});
