/**
 * The file of tokens: who may read it, what is refused, and that it is whole whenever its writer dies.
 */
import assert from "node:assert/strict";
import { chmod, link, lstat, mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, describe, it } from "node:test";
import { startProcess } from "@valetkey/test-support/process";
import { isClientError } from "../client-error.ts";
import { inTurn } from "./file-lock.ts";
import { readPrivate, removeFile, writePrivate } from "./private-file.ts";

const refused = (words: RegExp) => (error: unknown) =>
  isClientError(error, "configuration_invalid") && words.test(error.message);

describe("a private file", () => {
  let home: string;
  let folder: string;
  let file: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "valetkey-private-"));
    folder = join(home, "a", "b");
    file = join(folder, "tokens.json");
  });
  afterEach(() => rm(home, { recursive: true, force: true }));

  const write = (text: string) => writePrivate(file, text, Date.now() + 60_000);

  it("is made 0600 in a folder made 0700, whatever the umask", async () => {
    const before = process.umask(0);
    try {
      await write("first");
    } finally {
      process.umask(before);
    }
    assert.equal((await lstat(file)).mode & 0o777, 0o600);
    assert.equal((await lstat(folder)).mode & 0o777, 0o700);
    assert.equal((await lstat(join(home, "a"))).mode & 0o777, 0o700);
    assert.equal(await readPrivate(file), "first");
  });

  it("is replaced as a whole, and nothing stays beside it", async () => {
    await write("a long text at first");
    await write("second");
    assert.equal(await readPrivate(file), "second");
    assert.deepEqual(await readdir(folder), ["tokens.json"]);
  });

  it("that is not there reads as nothing and is removed without complaint", async () => {
    assert.equal(await readPrivate(file), undefined);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    assert.equal(await readPrivate(file), undefined);
    await removeFile(file);
  });

  for (const mode of [0o640, 0o604, 0o660, 0o644, 0o777]) {
    it(`is refused if others may read or write it: ${mode.toString(8)}`, async () => {
      await write("tokens");
      await chmod(file, mode);
      await assert.rejects(readPrivate(file), refused(new RegExp(`mode ${mode.toString(8)}.*chmod 600`)));
    });
  }

  it("is refused if it is a link or a folder", async () => {
    await write("tokens");
    await rename(file, join(folder, "elsewhere"));
    await symlink(join(folder, "elsewhere"), file);
    await assert.rejects(readPrivate(file), refused(/is a link/));
    await removeFile(file);
    await mkdir(file, { mode: 0o700 });
    await assert.rejects(readPrivate(file), refused(/is no file/));
  });

  it("takes the place of a link instead of writing through it", async () => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(join(folder, "elsewhere"), "not ours", { mode: 0o600 });
    await symlink(join(folder, "elsewhere"), file);
    await write("tokens");
    assert.equal(await readPrivate(file), "tokens");
    assert.equal(await readPrivate(join(folder, "elsewhere")), "not ours");
    // And of a second name of the same file.
    await link(file, join(folder, "second-name"));
    await write("newer");
    assert.equal(await readPrivate(join(folder, "second-name")), "tokens");
  });

  it("is refused in a folder that others may change, and in one that is a link", async () => {
    await write("tokens");
    await chmod(folder, 0o770);
    await assert.rejects(readPrivate(file), refused(/can be changed by others.*chmod 700/));
    await assert.rejects(write("more"), refused(/can be changed by others/));
    await chmod(folder, 0o700);
    await rename(folder, join(home, "real"));
    await symlink(join(home, "real"), folder);
    await assert.rejects(readPrivate(file), refused(/is no folder/));
  });

  it("is refused if it belongs to somebody else", { skip: process.getuid?.() !== 0 }, async () => {
    const { chown } = await import("node:fs/promises");
    await write("tokens");
    await chown(file, 12345, 12345);
    await assert.rejects(readPrivate(file), refused(/belongs to somebody else/));
  });

  it("is whole after its writer was killed at any moment, and what that left behind is swept away", async () => {
    const program = `
      import { writePrivate } from ${JSON.stringify(new URL("./private-file.js", import.meta.url).href)};
      for (let n = 0; ; n++) {
        await writePrivate(process.argv[1], JSON.stringify({ n, text: "x".repeat(200_000), end: n }), Date.now() + 1);
        if (n === 0) console.log("writing");
      }`;
    for (let round = 0; round < 8; round++) {
      const writer = await startProcess(
        process.execPath,
        ["--input-type=module", "--eval", program, file],
        // A different moment in each round, and none is waited for in vain.
        { ready: "writing" },
      );
      for (let turn = 0; turn < round * 40; turn++) await new Promise(setImmediate);
      await writer.kill();
      const { n, text, end } = JSON.parse((await readPrivate(file)) ?? "");
      assert.deepEqual([text.length, end], [200_000, n]);
    }
    await inTurn(
      file,
      () => Date.now() + 5,
      async () => {},
    );
    assert.deepEqual(await readdir(folder), ["tokens.json"]);
  });
});
