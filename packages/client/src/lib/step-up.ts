/**
 * What a sign-in is to ask for beyond what is configured: more scopes, or a fresh proof of who the person is.
 *
 * RFC 6749 §3.3, OpenID Connect Core §3.1.2.1 (`max_age`, `login_hint`), RFC 9700 §4.7.
 * Guarantees that scopes are added by the application only: they travel sealed, so that a link made by somebody else cannot
 * lead a person into allowing more.
 */
import type { App } from "./app.ts";
import { open, seal } from "./sealed.ts";

/** Milliseconds within which a person must follow the redirect. */
const lifetime = 15 * 60_000;

/** Scopes to be asked for, names separated by blanks. */
interface Sealed {
  readonly purpose: "scope";
  readonly provider: string;
  readonly scope: string;
  /** Milliseconds. */
  readonly expiresAt: number;
}

/** Makes the `ask` parameter of the login route. */
export async function sealScope(app: App, provider: string, scope: string): Promise<string> {
  const sealed: Sealed = { purpose: "scope", provider, scope, expiresAt: app.now() + lifetime };
  return seal((await app.keys()).transaction, sealed);
}

/** What a login URL asks for. A damaged, foreign or old `ask` asks for nothing: the ordinary sign-in starts. */
export async function readAsked(app: App, query: URLSearchParams, provider: string) {
  const max_age = /^\d{1,9}$/.exec(query.get("max_age") ?? "")?.[0];
  const login_hint = query.get("login_hint")?.slice(0, 320);
  const ask = query.get("ask");
  const found = ask === null ? undefined : await open<Sealed>((await app.keys()).transaction, ask);
  // The same key seals transactions: purpose tells them apart.
  const good = found?.purpose === "scope" && found.provider === provider && found.expiresAt > app.now();
  return {
    ...(max_age === undefined ? {} : { max_age: Number(max_age) }),
    ...(login_hint ? { login_hint } : {}),
    ...(good ? { scope: found.scope } : {}),
  };
}
