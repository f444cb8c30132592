/**
 * Runs several test files in one process. Each is a suite of its own: its hooks are not the others', and what it reports is
 * found under its name. A file that cannot be loaded is a test that fails, and keeps no other from running.
 */
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";

/** Defines the tests of these files. `folder`: what their paths are relative to. */
export function together(folder: string, files: readonly string[]): void {
  for (const file of files) {
    describe(file, async () => {
      try {
        await import(pathToFileURL(`${folder}/${file}`).href);
      } catch (error) {
        test(`${file} can be loaded`, () => {
          throw error;
        });
      }
    });
  }
}
