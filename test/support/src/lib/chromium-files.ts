/**
 * Unpacks Chromium, its shared libraries and its fonts from `@sparticuz/chromium`, once per version.
 *
 * Left to itself the package unpacks into one fixed place in the temporary folder and takes a half-written file of
 * another process for a finished one. The one property: what is found here is complete.
 */

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export interface ChromiumFiles {
  readonly executable: string;
  /** Folder of shared libraries, for LD_LIBRARY_PATH. */
  readonly libraries: string;
  /** Folder with fonts.conf, for FONTCONFIG_PATH. */
  readonly fonts: string;
}

/** Resolves to the unpacked files. A second and a half the first time. */
export async function chromiumFiles(): Promise<ChromiumFiles> {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(
      `@sparticuz/chromium carries a browser for linux-x64 only, not ${process.platform}-${process.arch}.`,
    );
  }
  const root = join(dirname(fileURLToPath(import.meta.resolve("@sparticuz/chromium"))), "..");
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
  const cache = join(root, "../../.cache/valetkey-chromium");
  const folder = join(cache, version);
  if (!existsSync(folder)) await unpack(cache, folder);
  return { executable: join(folder, "chromium"), libraries: join(folder, "al2023/lib"), fonts: join(folder, "fonts") };
}

async function unpack(cache: string, folder: string): Promise<void> {
  await mkdir(cache, { recursive: true });
  const staging = await mkdtemp(join(cache, "unpacking-"));
  try {
    // The package knows no other target than the temporary folder, hence a process with its own. It unpacks the
    // libraries for Amazon's Node runtimes only: with them, no system packages are needed anywhere.
    await promisify(execFile)(
      process.execPath,
      ["--input-type=module", "-e", 'import c from "@sparticuz/chromium"; await c.executablePath();'],
      {
        cwd: dirname(fileURLToPath(import.meta.url)),
        env: { PATH: process.env.PATH, TMPDIR: staging, AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x" },
      },
    );
    // The package's own fonts.conf names folders of the serverless platform; without any font the browser aborts.
    await writeFile(join(staging, "fonts/fonts.conf"), fontsConf(folder));
    await rename(staging, folder);
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    // Another process was faster.
    if (!existsSync(folder)) throw error;
  }
}

function fontsConf(folder: string): string {
  const quote = (path: string) => path.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${quote(join(folder, "fonts"))}</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>${quote(join(folder, "fonts-cache"))}</cachedir>
</fontconfig>
`;
}
