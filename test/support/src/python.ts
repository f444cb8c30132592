/**
 * Debian's Python for tests with foreign ends written in it.
 *
 * The one property: in CI nothing is skipped. Elsewhere a machine without the packages skips, and says what to install.
 */
import { spawnSync } from "node:child_process";

/** Debian's own, which its packages belong to; another Python on the path does not see them. */
export const python = "/usr/bin/python3";

/**
 * Gives the `skip` of tests that need these modules: `false` if they are there, or if this is CI, where the test then fails;
 * otherwise the reason, with the Debian packages to install.
 */
export function skipWithout(modules: readonly string[], packages: readonly string[]): string | false {
  if (process.env.CI !== undefined) return false;
  const { status } = spawnSync(python, ["-c", `import ${modules.join(", ")}`]);
  return status === 0 ? false : `needs a foreign end in Python: apt-get install ${packages.join(" ")}`;
}
