import { resolve } from "node:path";
import type { NextConfig } from "next";

// Builds tell nobody of themselves. `next dev` has a part that never reads this file: it heeds the environment alone.
process.env.NEXT_TELEMETRY_DISABLED = "1";

const config: NextConfig = {
  // The packages of this project are linked, and Turbopack takes in only what lies under its root. An app of your own that has
  // them from npm needs no line here at all: Next checks the origin of server actions by itself, and /auth/* that of its forms.
  turbopack: { root: resolve(import.meta.dirname, "../..") },
  // Else `next dev` writes files into this folder.
  agentRules: false,
};

export default config;
