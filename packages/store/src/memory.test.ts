/** The memory store passes the conformance suite. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { storeConformance } from "./conformance.ts";
import { memoryStore } from "./memory.ts";
import type { OpenStore } from "./store.ts";

storeConformance({
  name: "memory",
  open: async (now) => {
    const store: OpenStore = memoryStore({ now });
    return { store, close: () => store.close() };
  },
  tools: { describe, test, assert, fc },
});
