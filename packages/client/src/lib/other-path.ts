/**
 * Notices addresses that were nearly right: routes under another path, and places to return to that are not the application's.
 *
 * RFC 9700 §4.11. Guarantees at most a few lines, however many requests come, and that nothing is answered otherwise for it.
 */
import type { App } from "./app.ts";
import { once } from "./other-host.ts";
import { shown } from "./refusal.ts";

/** Warns of a request that reads like one of the routes, with the name of a provider there is. */
export function noticeOtherPath(app: App, pathname: string): void {
  const [, prefix = "", route, given = ""] = /^(\/.*)?\/(login|callback)\/([^/]+?)\/?$/.exec(pathname) ?? [];
  const name = given.toLowerCase();
  if (route === undefined || !app.remotes.has(name)) return;
  const got = shown(pathname).slice(0, 200);
  const fix =
    prefix === app.path
      ? `Write it without the slash at the end: ${app.path}/${route}/${name}.`
      : `Pass path: "${shown(prefix).slice(0, 100)}" to createOAuth if the routes belong there (adapters see the whole path, also where they are mounted), or use and register ${app.path}/${route}/${name}.`;
  once(app, got, () =>
    app.log.warn({ event: "path.differs", fix }, `a request came for ${got}, but the routes are under ${app.path}`),
  );
}

/** Warns of a place to return to that is not taken. */
export function noticeReturnTo(app: App, given: string | null | undefined, taken: string): void {
  if (given === null || given === undefined || given === "" || taken !== "/" || given === "/") return;
  const got = shown(given.split(/[?#]/)[0] ?? "").slice(0, 100);
  once(app, `returnTo ${got}`, () =>
    app.log.warn(
      {
        event: "return_to.refused",
        fix: "Pass a path of this application that begins with one slash, e.g. returnTo=/settings.",
      },
      `returnTo is ${got}, expected a path of this application: people go to / instead`,
    ),
  );
}
