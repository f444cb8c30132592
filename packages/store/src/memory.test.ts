/** The memory store passes the conformance suite. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { storeConformance } from "./conformance.ts";
import { memoryStore } from "./memory.ts";

storeConformance({
  name: "memory",
  open: async (now) => ({ store: memoryStore({ now }), close: async () => {} }),
  tools: { describe, test, assert, fc },
});
