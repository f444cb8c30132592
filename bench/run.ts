/**
 * `npm run bench -- resource`: runs one benchmark of this folder by its name, against what the last build made.
 *
 * Nothing here is part of a check: figures of a busy machine say nothing, and ratios only something.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";

const [name = ""] = process.argv.slice(2);
const file = resolve(import.meta.dirname, `${name}.ts`);
if (!/^[a-z-]+$/.test(name) || !existsSync(file)) {
  console.error(`no benchmark "${name}". There is: resource`);
  process.exit(1);
}
await import(file);
