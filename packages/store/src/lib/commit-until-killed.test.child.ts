/**
 * Commits pairs of entries as fast as it can and prints the name of each pair once the commit is acknowledged.
 * Arguments: the file, a prefix for the names. It runs until it is killed.
 */

import { sqliteStore } from "../sqlite.ts";
import { insert } from "./conformance-tools.ts";

const [, , file = "", prefix = ""] = process.argv;
const store = await sqliteStore({ file });
let count = 0;
process.stdout.write("ready\n");

await Promise.all(
  Array.from({ length: 64 }, async () => {
    for (;;) {
      count += 1;
      const name = `${prefix}-${count}`;
      if (await store.commit([insert("left", name), insert("right", name)])) process.stdout.write(`+${name}\n`);
    }
  }),
);
