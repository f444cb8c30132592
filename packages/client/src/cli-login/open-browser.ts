/**
 * Opens an address in the browser of the person at this computer.
 *
 * RFC 8252 §6 (the person's own browser), CWE-78, CVE-2025-6514 (an address that a shell ran).
 * Guarantees that no shell is involved: the address is one argument of a program, whatever is in it.
 */
import { spawn } from "node:child_process";

type Environment = Readonly<Record<string, string | undefined>>;

/** Milliseconds after which a program that is still running has opened the page. */
const settled = 2_000;

/** Tells whether a browser can be expected to open where the person is: not over SSH, and not without a display. */
export function canOpenBrowser(env: Environment, platform: NodeJS.Platform): boolean {
  if (env.BROWSER) return true;
  if (env.SSH_CONNECTION || env.SSH_CLIENT || env.SSH_TTY) return false;
  if (platform === "darwin" || platform === "win32") return true;
  return Boolean(env.DISPLAY || env.WAYLAND_DISPLAY || env.WSL_DISTRO_NAME);
}

/** The program to run and its arguments. `BROWSER` is a list as other programs read it; the first is used, `%s` is the address. */
export function browserCommand(url: string, env: Environment, platform: NodeJS.Platform): [string, ...string[]] {
  const wanted = platform === "win32" ? env.BROWSER : env.BROWSER?.split(":")[0];
  const [program, ...args] = (wanted ?? "").split(" ").filter((word) => word !== "");
  if (program !== undefined) {
    return args.includes("%s")
      ? [program, ...args.map((word) => (word === "%s" ? url : word))]
      : [program, ...args, url];
  }
  if (platform === "darwin") return ["open", url];
  // `start` is part of a shell; this is what it does in the end.
  if (platform === "win32") return ["rundll32", "url.dll,FileProtocolHandler", url];
  return [env.WSL_DISTRO_NAME ? "wslview" : "xdg-open", url];
}

/** Opens it. False: the program is not there, or says that it could not. */
export function openBrowser(url: string, env: Environment, platform: NodeJS.Platform): Promise<boolean> {
  const [program, ...args] = browserCommand(url, env, platform);
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: "ignore", detached: true, shell: false });
    const timer = setTimeout(resolve, settled, true);
    const end = (opened: boolean) => {
      clearTimeout(timer);
      resolve(opened);
    };
    child.once("error", () => end(false));
    child.once("exit", (code) => end(code === 0));
    child.unref();
  });
}
