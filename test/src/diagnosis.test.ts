/**
 * Explained failures: each row seeds one misconfiguration into a sign-in that works, drives it over HTTP as a browser would, and
 * checks that the page or the log names the cause and the fix (what was got, what was expected, what to change), and no secret.
 *
 * Rule 9 of the house; security.md ST and RP rows. docs/troubleshooting.md says of every code what it means and what to do.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, test } from "node:test";
import { clientErrors } from "@valetkey/client/client-error";
import { configurationRows } from "./lib/diagnosis-configuration.ts";
import { discoveryRows } from "./lib/diagnosis-discovery.ts";
import { foreignRows } from "./lib/diagnosis-foreign.ts";
import { refusalRows } from "./lib/diagnosis-refusals.ts";
import { type Row, signIn } from "./lib/diagnosis-stage.ts";
import { stateRows } from "./lib/diagnosis-state.ts";
import { tokenRows } from "./lib/diagnosis-tokens.ts";

const areas: Readonly<Record<string, readonly Row[]>> = {
  configuration: configurationRows,
  "state and cookies": stateRows,
  "issuer and network": discoveryRows,
  "tokens and people": tokenRows,
  "refusals and routes": refusalRows,
  "a provider by others": foreignRows,
};

test("without a mistake somebody is signed in, so every row has one cause", async () => {
  for (const provider of [{}, { response_mode: "form_post" }] as const) {
    const { code, page } = await signIn({ provider });
    assert.deepEqual([code, page], ["none", "alice"]);
  }
});

test("docs/troubleshooting.md has every code with its status, its words, causes and what to do, and no others", () => {
  const page = readFileSync(resolve(import.meta.dirname, "../../docs/troubleshooting.md"), "utf8");
  const sections = new Map(
    [...page.matchAll(/^## ([a-z_0-9]+)\n\n([\s\S]*?)(?=\n## |$(?![\s\S]))/gm)].map(([, name = "", body = ""]) => [
      name,
      body,
    ]),
  );
  assert.deepEqual([...sections.keys()].sort(), Object.keys(clientErrors).sort());
  for (const [code, { status, what }] of Object.entries(clientErrors)) {
    const body = sections.get(code) ?? "";
    assert.ok(body.startsWith(`Status ${status}. ${what}`), `${code}: Status ${status}. ${what}`);
    assert.match(body, /^- .+: .+/m, `${code} has no cause with what to do about it`);
  }
});

test("at least 40 misconfigurations are diagnosed, no two of one name", () => {
  const titles = Object.values(areas).flatMap((rows) => rows.map(({ title }) => title));
  assert.ok(titles.length >= 40, `${titles.length}`);
  assert.equal(new Set(titles).size, titles.length);
});

for (const [area, rows] of Object.entries(areas)) {
  describe(area, { concurrency: 4 }, () => {
    for (const { title, code, log, page = [], seed } of rows) {
      test(title, async () => {
        const said = await seed();
        const everything = `${said.page}\n${said.log}`;
        assert.equal(said.code, code, everything);
        // The line that is found by the page's reference says what to change, and where to read more.
        if (/sign_in\.failed/.test(said.log)) {
          assert.match(said.log, new RegExp(`fix:\\s[^\\n]{20,}\\s+docs: 'docs/troubleshooting\\.md#${code}'`));
        }
        for (const words of log) assert.match(everything, words);
        for (const words of page) assert.match(said.page, words);
        for (const secret of said.secrets) {
          if (secret.length > 5) assert.ok(!everything.includes(secret), `${secret} is in: ${everything}`);
        }
      });
    }
  });
}
