/**
 * Turns at a file: one at a time among functions and among processes, and nobody waits for the dead.
 */
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, describe, it } from "node:test";
import { startProcess } from "@valetkey/test-support/process";
import { inTurn, leaseTime } from "./file-lock.ts";

describe("a turn at a file", () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "valetkey-turn-"));
    file = join(folder, "tokens.json");
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("is held by one at a time, gives what was made in it, and leaves nothing behind", async () => {
    let inside = 0;
    let most = 0;
    const results = await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        inTurn(file, Date.now, async () => {
          most = Math.max(most, ++inside);
          await new Promise(setImmediate);
          inside--;
          return n;
        }),
      ),
    );
    assert.equal(most, 1);
    assert.deepEqual(
      results,
      Array.from({ length: 12 }, (_, n) => n),
    );
    assert.deepEqual(await readdir(folder), []);
  });

  it("ends when what was done in it fails", async () => {
    await assert.rejects(
      inTurn(file, Date.now, () => Promise.reject(new Error("no"))),
      /no/,
    );
    assert.deepEqual(await readdir(folder), []);
  });

  it("is held by one process at a time: none of many additions is lost", async () => {
    await writeFile(file, "0");
    const program = `
      import { readFile, writeFile } from "node:fs/promises";
      import { inTurn } from ${JSON.stringify(new URL("./file-lock.js", import.meta.url).href)};
      const [file] = process.argv.slice(1);
      for (let n = 0; n < 10; n++) await inTurn(file, Date.now, async () => {
        const found = Number(await readFile(file, "utf8"));
        await new Promise(setImmediate);
        await writeFile(file, String(found + 1));
      });`;
    const run = () => startProcess(process.execPath, ["--input-type=module", "--eval", program, file]);
    const processes = await Promise.all([run(), run(), run()]);
    for (const one of processes) assert.equal((await one.ended).code, 0, one.stderr());
    assert.equal(await readFile(file, "utf8"), "30");
  });

  it("passes from a process that was killed to the next once its claim has lapsed, and not before", async () => {
    const program = `
      import { inTurn } from ${JSON.stringify(new URL("./file-lock.js", import.meta.url).href)};
      await inTurn(process.argv[1], Date.now, async () => { console.log("mine"); await new Promise(() => setInterval(() => {}, 1e6)); });`;
    const holder = await startProcess(process.execPath, ["--input-type=module", "--eval", program, file], {
      ready: "mine",
    });
    await holder.kill();
    const [claim = ""] = await readdir(folder);
    assert.match(claim, /^tokens\.json\.\d+\.[\w-]+\.lock$/);
    const until = Number(claim.split(".")[2]);
    // Time passes for the one who waits: 1 s before the end of the claim, and a moment later after it.
    let looks = 0;
    const now = () => (++looks <= 3 ? until - 1_000 : until + 1);
    assert.equal(await inTurn(file, now, async () => "done"), "done");
    assert.ok(looks > 3, "somebody alive would have been overtaken");
    assert.deepEqual(await readdir(folder), []);
  });

  it("is not waited for if its claim lies further in the future than any can: the clock was set back", async () => {
    await writeFile(`${file}.${Date.now() + 3 * leaseTime}.abc.lock`, "");
    assert.equal(await inTurn(file, Date.now, async () => "done"), "done");
  });

  it("has nothing to do with the turns at other files, nor with files it did not make", async () => {
    const others = ["tokens.json", "other.json.99999999999999.abc.lock", "tokens.json.bak", "tokens.json.1.2.3.lock"];
    for (const name of others) await writeFile(join(folder, name), "");
    assert.equal(await inTurn(file, Date.now, async () => "done"), "done");
    assert.deepEqual((await readdir(folder)).sort(), [...others].sort());
  });
});
