import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runProcess, startProcess } from "./process.ts";

const node = (script: string) => ["-e", script];

describe("startProcess", () => {
  test("waits for the ready line, collects output and stops with SIGTERM", async () => {
    const child = await startProcess(
      process.execPath,
      node(`console.error("warming up"); console.log("listening on 7"); process.on("SIGTERM", () => process.exit(3));
            setInterval(() => {}, 1000)`),
      { ready: /listening on (\d+)/ },
    );
    assert.equal(child.readyLine, "listening on 7");
    assert.equal(await child.waitForLine("warming"), "warming up");
    assert.deepEqual(await child.stop(), { code: 3, signal: null });
  });

  test("kills", async () => {
    const child = await startProcess(process.execPath, node(`console.log("up"); setInterval(() => {}, 1000)`), {
      ready: "up",
    });
    assert.deepEqual(await child.kill(), { code: null, signal: "SIGKILL" });
  });

  test("shows what the child printed when it ends before it is ready", async () => {
    await assert.rejects(
      startProcess(process.execPath, node(`console.error("no such file"); process.exit(1)`), { ready: "up" }),
      /ended \(1\)[\s\S]*no such file/,
    );
  });

  test("gives up on a line that never comes", async () => {
    const child = await startProcess(process.execPath, node(`setInterval(() => {}, 1000)`));
    await assert.rejects(child.waitForLine("never", 50), /no line within 50 ms matches never/);
    await child.kill();
  });

  test("does not hold back the end of a process that forgot to stop its child", async () => {
    const script = `
      import { startProcess } from ${JSON.stringify(new URL("./process.js", import.meta.url).href)};
      const child = await startProcess(process.execPath, ["-e", 'console.log("up"); setInterval(() => {}, 1000)'], { ready: "up" });
      console.log(child.pid);
    `;
    const { code, stdout } = await runProcess(process.execPath, ["--input-type=module", "-e", script]);
    assert.equal(code, 0);
    const pid = Number(stdout);
    for (let i = 0; alive(pid) && i < 100; i++) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok(!alive(pid));
  });
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
