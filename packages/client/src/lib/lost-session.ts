/**
 * Stops a circle: the browser has just been signed in, and the store knows nothing of it.
 *
 * OWASP ASVS 7.2. Guarantees that a store which forgets is explained, instead of sending people to the provider and back
 * without end.
 */
import { readCookies } from "@valetkey/protocol/cookie";
import { readHandle } from "@valetkey/protocol/random";
import type { Change } from "@valetkey/store";
import { ClientError } from "../client-error.ts";
import type { App } from "./app.ts";
import { createdAt } from "./id-time.ts";
import { findSession } from "./session.ts";

/** Milliseconds. */
const justNow = 5_000;

/** kind `app-session-ended`: a session that was ended so soon, in another browser or by the issuer, was not lost. */
const kind = "app-session-ended";

/** The change that says so, if it has to be said. */
export function markEnded(app: App, id: string): Change[] {
  const now = app.now();
  if (now - createdAt(id) >= justNow) return [];
  return [{ do: "insert", entry: { kind, id, version: 0, expiresAt: now + justNow, data: null } }];
}

/** The handle this browser was given a moment ago, if that is so. */
function youngHandle(app: App, request: Request): { readonly id: string; readonly age: number } | undefined {
  const cookies = readCookies(request);
  const handle = readHandle(cookies.get("__Host-vk_app") ?? cookies.get("vk_app") ?? "", "app");
  if (handle === undefined) return undefined;
  const age = app.now() - createdAt(handle.id);
  return age < 0 || age >= justNow ? undefined : { id: handle.id, age };
}

/**
 * What goes along to the sign-in where nobody is found behind so young a handle: of two instances that take turns, each with a
 * store of its own, the one that starts the sign-in knows the session the other one looked for.
 */
export function unknownHere(app: App, request: Request): { readonly unknown?: string } {
  const id = youngHandle(app, request)?.id;
  return id === undefined ? {} : { unknown: id };
}

/** Throws `session_lost` if the session this browser was given a moment ago is not in the store, or was not where it was looked for. */
export async function checkNotLost(app: App, request: Request, origin: string): Promise<void> {
  const handle = youngHandle(app, request);
  if (handle === undefined) return;
  const unknown = new URL(request.url).searchParams.get("unknown") === handle.id;
  const found = (await findSession(app, request, origin)) !== undefined;
  if (found && !unknown) return;
  if ((await app.store.get(kind, handle.id)) !== undefined) return;
  const where = found
    ? "is in the store of this process, and not in that of the one it came to before"
    : "is not in the store";
  throw new ClientError("session_lost", `the session this browser was given ${handle.age} ms ago ${where}`, {
    fix: "Give every instance the same store: memoryStore is one process's own. If there is one instance only, it was restarted, or something removes what it stores.",
  });
}
