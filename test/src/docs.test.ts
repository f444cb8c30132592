/**
 * Docs that run: every TypeScript snippet of the README and of docs/ compiles as it stands, the sign-in snippet really signs
 * somebody in, and every command is run in a fresh folder and succeeds.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { defaultLifetimes } from "@valetkey/provider/default-options";
import { runProcess, startProcess } from "@valetkey/test-support/process";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
const bin = resolve(root, "packages/valetkey/bin/valetkey.js");
const pages = ["README.md", "CONTRIBUTING.md", ...globSync("docs/**/*.md", { cwd: root })];

interface Snippet {
  readonly page: string;
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

const snippets: Snippet[] = pages.flatMap((page) => {
  const text = readFileSync(join(root, page), "utf8");
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map((match) => ({
    page,
    line: text.slice(0, match.index).split("\n").length + 1,
    language: match[1] ?? "",
    text: match[2] ?? "",
  }));
});

test("every snippet is in a language that is checked here, or is mere markup", () => {
  const known = ["ts", "sh", "html", "json", "text"];
  assert.deepEqual(
    snippets.filter(({ language }) => !known.includes(language)).map(({ page, line }) => `${page}:${line}`),
    [],
  );
  assert.ok(snippets.filter(({ language }) => language === "ts").length >= 5);
});

test("every link to a file of this project leads somewhere", () => {
  const broken = pages.flatMap((page) => {
    const text = readFileSync(join(root, page), "utf8").replaceAll(/^```[\s\S]*?^```$/gm, "");
    const targets = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)|src(?:set)?="(?!https?:)([^"]+)"/g)].map(
      (match) => match[1] ?? match[2] ?? "",
    );
    return targets
      .filter((target) => !existsSync(resolve(root, page, "..", target)))
      .map((target) => `${page}: ${target}`);
  });
  assert.deepEqual(broken, []);
});

test("every TypeScript snippet compiles as it stands", async () => {
  // Inside the project, so that the packages are found as a user's would be.
  const folder = join(root, "test", ".snippets");
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  try {
    const names = new Map<string, string>();
    for (const [index, { page, line, language, text }] of snippets.entries()) {
      if (language !== "ts") continue;
      names.set(`snippet-${index}.ts`, `${page}:${line}`);
      await writeFile(join(folder, `snippet-${index}.ts`), text);
    }
    const options = {
      extends: "../../tsconfig.base.json",
      compilerOptions: { composite: false, declaration: false, noEmit: true, types: ["node"] },
      include: ["*.ts"],
    };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(options));
    const compiled = await run(process.execPath, [resolve(root, "node_modules/typescript/bin/tsc"), "-p", folder], {
      cwd: root,
    }).catch((error) => error);
    const said = `${compiled.stdout}${compiled.stderr}${compiled.message ?? ""}`.replaceAll(
      /\S*(snippet-\d+\.ts)/g,
      (_, name) => names.get(name) ?? name,
    );
    assert.equal(said, "");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("the files of the Next.js and SvelteKit sections compile as a new app of theirs would compile them", async () => {
  const page = readFileSync(join(root, "docs/frameworks.md"), "utf8");
  const stubs: Readonly<Record<string, string>> = {
    "Next.js": `
      declare module "next/headers" { export const headers: () => Promise<Headers>; }
      declare module "next/navigation" { export const redirect: (url: string) => never; }
      declare module "next/server" { export interface NextRequest extends Request { readonly nextUrl: URL } }
      declare namespace JSX { interface IntrinsicElements { p: { children?: string | undefined } } }`,
    SvelteKit: `
      declare module "$app/env" { export const building: boolean; }
      declare module "@sveltejs/kit" {
        export const redirect: (status: number, location: string) => never;
        export const error: (status: number, message: string) => never;
      }
      declare module "@sveltejs/kit/hooks" { export const sequence: <H>(...all: H[]) => H; }`,
  };
  for (const [section, stub] of Object.entries(stubs)) {
    const [, text = ""] =
      new RegExp(`^## ${section}$[\\s\\S]*?^\`\`\`text\\n([\\s\\S]*?)^\`\`\``, "m").exec(page) ?? [];
    const files = [...text.matchAll(/^\/\/ (\S+\.tsx?)\n([\s\S]*?)(?=^\/\/ \S+\.tsx?$|$(?![\s\S]))/gm)];
    assert.equal(files.length, 4, section);
    // Inside the project, so that the packages are found as a user's would be.
    const folder = await mkdtemp(join(root, "test", ".framework-"));
    try {
      for (const [, name = "", source = ""] of files) {
        await mkdir(join(folder, name, ".."), { recursive: true });
        await writeFile(join(folder, name), source);
      }
      await writeFile(join(folder, "stubs.d.ts"), stub);
      if (section === "SvelteKit")
        // What SvelteKit makes for each route.
        await writeFile(
          join(folder, "src/routes/me/$types.d.ts"),
          'import type { requireUser } from "../../auth.server";\n' +
            "export type PageServerLoad = (event: Parameters<typeof requireUser>[0]) => unknown;\n",
        );
      // Neither allows imports with endings unless told.
      const compilerOptions = {
        target: "ES2022",
        lib: ["dom", "dom.iterable", "esnext"],
        module: "esnext",
        moduleResolution: "bundler",
        jsx: "preserve",
        strict: true,
        skipLibCheck: true,
        isolatedModules: true,
        noEmit: true,
        types: [],
      };
      await writeFile(
        join(folder, "tsconfig.json"),
        JSON.stringify({ compilerOptions, include: ["**/*.ts", "**/*.tsx"] }),
      );
      const compiled = await run(process.execPath, [resolve(root, "node_modules/typescript/bin/tsc"), "-p", folder], {
        cwd: folder,
      }).catch((error) => error);
      assert.equal(`${compiled.stdout}${compiled.stderr}`, "", section);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
});

describe("the commands of the README", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "valetkey-docs-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const commands = snippets
    .filter(({ language, page }) => language === "sh" && page === "README.md")
    .flatMap(({ text }) => text.split("\n"))
    .filter((line) => line.includes("npx valetkey") && !line.includes("npx valetkey serve"));

  test("there are some", () => assert.ok(commands.length >= 6));

  test("npx valetkey serve", async () => {
    const env = { PATH: process.env.PATH ?? "", HOME: folder, PORT: "0" };
    const place = join(folder, "served");
    await mkdir(place);
    const server = await startProcess(process.execPath, [bin, "serve"], { cwd: place, env, ready: /^ready / });
    const answer = await fetch(`${server.readyLine.slice("ready ".length)}/readyz`);
    assert.equal(answer.status, 200);
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
  });
  for (const command of commands) {
    test(command, async () => {
      const line = command.replaceAll("npx valetkey", `"${process.execPath}" "${bin}"`);
      const { code, stdout, stderr } = await runProcess("sh", ["-c", line], {
        cwd: folder,
        env: { PATH: process.env.PATH ?? "", HOME: folder },
      });
      assert.equal(code, 0, stderr);
      assert.notEqual(stdout, "");
    });
  }
});

test("the configurations of the docs are ones a server starts with", async () => {
  const configurations = snippets.filter(({ text }) => text.includes("export default defineConfig("));
  assert.ok(configurations.length >= 1);
  for (const { page, line, text } of configurations) {
    // Inside the project, so that the package is found as a user's would be.
    const folder = await mkdtemp(join(root, "test", ".config-"));
    try {
      await writeFile(join(folder, "valetkey.config.ts"), text);
      const secrets = [...text.matchAll(/process\.env\.(\w+)/g)].map((match) => match[1] ?? "");
      const env = Object.fromEntries(
        ["VALETKEY_SECRET", ...secrets].map((name) => [name, `${name} made up for this test alone 0123456789`]),
      );
      const printed = await runProcess(process.execPath, [bin, "config", "print"], {
        cwd: folder,
        env: { PATH: process.env.PATH ?? "", ...env },
      });
      assert.equal(printed.stderr, "", `${page}:${line}`);
      assert.match(printed.stdout, /issuer +valetkey\.config\.ts/);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
});

test("docs/provider.md lists every lifetime with its default", () => {
  const page = readFileSync(join(root, "docs/provider.md"), "utf8");
  const [section = ""] = /^## Lifetimes$[\s\S]*?(?=^## )/m.exec(page) ?? [];
  const seconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
  const listed = [...section.matchAll(/^\| `(\w+)` \| (\d+)([smhd]) \|/gm)].map(
    ([, name = "", count, unit = ""]) => [name, Number(count) * (seconds[unit] ?? 0)] as const,
  );
  assert.deepEqual(Object.fromEntries(listed), defaultLifetimes);
});

test("the sign-in snippet has at most eight lines and answers", async () => {
  const snippet = snippets.find(({ text }) => text.includes('app.get("/me", requireUser()'));
  assert.ok(snippet);
  const lines = snippet.text.split("\n").filter((line) => line.trim() !== "");
  assert.ok(lines.length <= 8, `${lines.length} lines`);
  const file = join(root, "test", `.sign-in-${process.pid}.ts`);
  await writeFile(file, snippet.text);
  process.env.ACME_CLIENT_ID = "app";
  process.env.ACME_CLIENT_SECRET = "a secret that is long enough for it";
  try {
    const { default: app } = (await import(file)) as { default: { fetch(request: Request): Promise<Response> } };
    const program = await app.fetch(
      new Request("http://localhost:3000/me", { headers: { Accept: "application/json" } }),
    );
    assert.equal(program.status, 401);
    const person = await app.fetch(new Request("http://localhost:3000/me", { headers: { Accept: "text/html" } }));
    assert.equal(person.status, 303);
    assert.match(person.headers.get("location") ?? "", /\/auth\/login/);
  } finally {
    await rm(file);
  }
});
