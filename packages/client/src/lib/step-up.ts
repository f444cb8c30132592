/**
 * What a sign-in is to ask for beyond what is configured: more scopes, or a fresh proof of who the person is.
 *
 * RFC 6749 §3.3, OpenID Connect Core §3.1.2.1 (`max_age`, `acr_values`, `login_hint`), RFC 9470 §4, RFC 9700 §4.7.
 * Guarantees that scopes are added by the application only, and for the session it asked in: they travel sealed, so that a link
 * made by somebody else, or for somebody else, cannot lead a person into allowing more.
 */
import type { App } from "./app.ts";
import { open, seal } from "./sealed.ts";
import { findSession } from "./session.ts";

/** Milliseconds within which a person must follow the redirect. */
const lifetime = 15 * 60_000;

/** Scopes to be asked for, names separated by blanks. */
interface Sealed {
  readonly purpose: "scope";
  readonly provider: string;
  readonly scope: string;
  /** Id of the session that is to have them. */
  readonly session: string;
  /** How the person is to prove who they are: names separated by blanks, and seconds (RFC 9470 §4). */
  readonly acr_values?: string;
  readonly max_age?: number;
  /** Milliseconds. */
  readonly expiresAt: number;
}

/** Makes the `ask` parameter of the login route. `session` is the id of the session that is to have the scopes. */
export async function sealScope(app: App, asked: Omit<Sealed, "purpose" | "expiresAt">): Promise<string> {
  const sealed: Sealed = { ...asked, purpose: "scope", expiresAt: app.now() + lifetime };
  return seal((await app.keys()).transaction, sealed);
}

/** What a login URL asks for. A damaged, foreign or old `ask` asks for nothing: the ordinary sign-in starts. */
export async function readAsked(app: App, request: Request, origin: string, provider: string) {
  const query = new URL(request.url).searchParams;
  const max_age = /^\d{1,9}$/.exec(query.get("max_age") ?? "")?.[0];
  const login_hint = query.get("login_hint")?.slice(0, 320);
  const ask = query.get("ask");
  const found = ask === null ? undefined : await open<Sealed>((await app.keys()).transaction, ask);
  // The same key seals transactions: purpose tells them apart.
  const live = found?.purpose === "scope" && found.provider === provider && found.expiresAt > app.now();
  const good = live && found.session === (await findSession(app, request, origin))?.id;
  const sealed: Partial<Sealed> = good ? found : {};
  const { scope, acr_values } = sealed;
  // A link can make it stricter only.
  const age = Math.min(Number(max_age ?? Number.POSITIVE_INFINITY), sealed.max_age ?? Number.POSITIVE_INFINITY);
  return {
    ...(Number.isFinite(age) ? { max_age: age } : {}),
    ...(login_hint ? { login_hint } : {}),
    ...(scope === undefined ? {} : { scope }),
    ...(acr_values === undefined ? {} : { acr_values }),
  };
}
