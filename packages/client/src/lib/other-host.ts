/**
 * Notices that people reach the application under another name than the configured one, which costs them the sign-in's cookie.
 *
 * RFC 9110 §7.2 (Host), RFC 7239 §4 and the X-Forwarded headers before it. Headers are believed for a log line only.
 * Guarantees at most a few lines, however many requests come.
 */
import type { App } from "./app.ts";
import { shown } from "./refusal.ts";

/** Different lines there may be in the life of a process: the headers are anybody's. */
const mostLines = 10;

/** What the request says about the address in the browser, where it is not the configured one. */
export function hostDifference(
  request: Request,
  origin: string,
): { readonly got: string; readonly fix: string } | undefined {
  const expected = new URL(origin);
  const host = first(request, "x-forwarded-host") ?? first(request, "host");
  if (host !== undefined && plainHost(host, expected.protocol) !== expected.host) {
    return {
      got: `the request came for the host ${host}, but baseUrl is ${origin}`,
      fix: `If people see ${host} in the address bar, set baseUrl to it or redirect it to ${origin}; if they see ${expected.host}, let the proxy pass the Host header on.`,
    };
  }
  const scheme = first(request, "x-forwarded-proto");
  if (scheme !== undefined && `${scheme.toLowerCase()}:` !== expected.protocol) {
    return {
      got: `the request came by ${scheme} (X-Forwarded-Proto), but baseUrl is ${origin}`,
      fix:
        expected.protocol === "https:"
          ? `Redirect http to https before the application: the cookies are Secure, and a browser that came by http drops them.`
          : `Set baseUrl to the address people see: https://${expected.host}.`,
    };
  }
  return undefined;
}

/** Warns, once for each name. Called where a sign-in starts: there the cookie gets its host. */
export function warnOfOtherHost(app: App, request: Request, origin: string): void {
  const found = hostDifference(request, origin);
  if (found === undefined) return;
  once(app, found.got, () =>
    app.log.warn({ event: "host.differs", fix: found.fix }, `${found.got}: the sign-in's cookie may not come back`),
  );
}

/** Runs it for each text once, and no more when there were many. */
export function once(app: App, text: string, run: () => void): void {
  if (app.told.has(text) || app.told.size >= mostLines) return;
  app.told.add(text);
  run();
}

/** In lower case, without the port that goes without saying. */
const plainHost = (host: string, protocol: string): string =>
  URL.canParse(`${protocol}//${host}`) ? new URL(`${protocol}//${host}`).host : host;

/** The first of several values; nothing for one that is no plain name. */
function first(request: Request, name: string): string | undefined {
  const value = request.headers.get(name)?.split(",")[0]?.trim();
  return value === undefined || !/^[\w.:[\]-]{1,253}$/.test(value) ? undefined : shown(value);
}
