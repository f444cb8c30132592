/**
 * docs/scaling.md is true: what it says a sign-in costs is what it costs, and what it tells people to type works.
 *
 * Costs are counted, not timed. They may be less than the page says, by a little: then the page is still a plan to rely on.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, it } from "node:test";
import { usePostgres } from "./lib/fixtures.ts";
import { type Cost, measureFlows, parts } from "./lib/measure-flows.ts";
import { install } from "./lib/server.ts";

const page = readFileSync(resolve(import.meta.dirname, "../../docs/scaling.md"), "utf8");

/** The table between two marks: its rows, as cells. */
function tableOf(name: string): string[][] {
  const text = page.split(`<!-- ${name} -->`)[1]?.split(`<!-- /${name} -->`)[0] ?? "";
  const lines = text.split("\n").filter((line) => line.startsWith("|"));
  return lines.slice(2).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

describe("docs/scaling.md", { concurrency: 1 }, () => {
  const postgres = usePostgres({ durable: true });

  it("says what the parts of a sign-in cost in statements, round trips and bytes", async (test) => {
    const measured = await measureFlows(postgres(), 10);
    const said = new Map(tableOf("costs").map(([part = "", ...figures]) => [part, figures]));
    assert.deepEqual([...said.keys()], [...parts]);
    const names: readonly (keyof Cost)[] = ["statements", "trips", "wireBytes", "rows", "rowBytes", "logBytes"];
    for (const [part, cost] of measured) {
      test.diagnostic(`${part}: ${names.map((name) => `${cost[name]} ${name}`).join(", ")}`);
      for (const [at, name] of names.entries()) {
        const figure = Number(said.get(part)?.[at]?.replaceAll(",", ""));
        // The log has whole pages in it now and then, after a checkpoint.
        const most = name === "logBytes" ? figure * 1.5 + 500 : figure * 1.1 + 1;
        assert.ok(cost[name] <= most, `${part}: ${cost[name]} ${name}, and the page says ${figure}`);
        assert.ok(cost[name] >= figure / 2 - 1, `${part}: only ${cost[name]} ${name}, and the page says ${figure}`);
      }
    }
  });

  it("has commands that do what it says", async () => {
    const commands = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap((match) =>
      (match[1] ?? "").trim().split("\n"),
    );
    assert.ok(commands.length >= 2);
    const here = await install({ database: await postgres().createDatabase() });
    try {
      for (const command of commands) {
        // PostgreSQL's own program, and the shell's: what they do has been done above.
        if (["createdb", "export"].includes(command.split(" ", 1)[0] ?? "")) continue;
        const [npx, program, name = "", ...args] = command.split(" ");
        assert.deepEqual([npx, program], ["npx", "valetkey"], command);
        if (name === "serve") {
          const server = await here.start({ args });
          assert.deepEqual(await server.stop(), { code: 0, signal: null }, command);
        } else {
          const ran = await here.cli([name, ...args]);
          assert.equal(ran.code, 0, `${command}: ${ran.stdout} ${ran.stderr}`);
        }
      }
    } finally {
      await here.remove();
    }
    assert.ok(commands.some((command) => command.includes("serve --workers")));
  });
});
