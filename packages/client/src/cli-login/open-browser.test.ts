/**
 * Opening a browser: where one can be expected, which program it is, and that no shell ever sees the address.
 */
import assert from "node:assert/strict";
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { describe, it } from "node:test";
import { browserCommand, canOpenBrowser, openBrowser } from "./open-browser.ts";

describe("opening a browser", () => {
  const places = [
    [true, { DISPLAY: ":0" }, "linux"],
    [true, { WAYLAND_DISPLAY: "wayland-0" }, "linux"],
    [true, { WSL_DISTRO_NAME: "Debian" }, "linux"],
    [false, {}, "linux"],
    [true, {}, "darwin"],
    [true, {}, "win32"],
    [false, { SSH_CONNECTION: "10.0.0.1 1 10.0.0.2 22", DISPLAY: "localhost:10.0" }, "linux"],
    [false, { SSH_TTY: "/dev/pts/0" }, "darwin"],
    [true, { SSH_TTY: "/dev/pts/0", BROWSER: "my-browser" }, "linux"],
  ] as const;
  for (const [expected, env, platform] of places) {
    it(`is ${expected ? "" : "not "}expected to work on ${platform} with ${JSON.stringify(env)}`, () => {
      assert.equal(canOpenBrowser(env, platform), expected);
    });
  }

  const url = "https://id.test/authorize?a=1&b=$(touch$IFS)";
  const commands = [
    [["xdg-open", url], {}, "linux"],
    [["wslview", url], { WSL_DISTRO_NAME: "Debian" }, "linux"],
    [["open", url], {}, "darwin"],
    [["rundll32", "url.dll,FileProtocolHandler", url], {}, "win32"],
    [["firefox", url], { BROWSER: "firefox:chromium" }, "linux"],
    [["chromium", "--incognito", url], { BROWSER: "chromium --incognito" }, "linux"],
    [["links", url, "-g"], { BROWSER: "links %s -g" }, "linux"],
    [["C:\\browser.exe", url], { BROWSER: "C:\\browser.exe" }, "win32"],
  ] as const;
  for (const [expected, env, platform] of commands) {
    it(`runs ${expected[0]} on ${platform} with ${JSON.stringify(env)}`, () => {
      assert.deepEqual(browserCommand(url, env, platform), expected);
    });
  }

  it("gives the program the address as one argument, whatever a shell would make of it", async () => {
    const folder = await mkdtemp(join(tmpdir(), "valetkey-browser-"));
    try {
      const program = join(folder, "browser.mjs");
      const script = `import { writeFileSync } from "node:fs";
        writeFileSync(process.argv[2], JSON.stringify(process.argv.slice(3)));`;
      await writeFile(program, script);
      const address = `https://id.test/?x="; touch ${join(folder, "owned")}; $(touch ${join(folder, "owned")}) \`id\` & | > %PATH%`;
      const env = { BROWSER: `${process.execPath} ${program} ${join(folder, "seen")}` };
      assert.equal(await openBrowser(address, env, "linux"), true);
      assert.deepEqual(JSON.parse(await readFile(join(folder, "seen"), "utf8")), [address]);
      assert.deepEqual((await readdir(folder)).sort(), ["browser.mjs", "seen"]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("says so when there is no such program, or it fails", async () => {
    const folder = await mkdtemp(join(tmpdir(), "valetkey-browser-"));
    try {
      const failing = join(folder, "failing");
      await writeFile(failing, "#!/bin/sh\nexit 3\n");
      await chmod(failing, 0o755);
      assert.equal(await openBrowser("https://id.test", { BROWSER: failing }, "linux"), false);
      assert.equal(await openBrowser("https://id.test", { BROWSER: join(folder, "missing") }, "linux"), false);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
