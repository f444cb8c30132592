/**
 * Makes of a session what the application is given: the person, and what may be done on their behalf.
 */
import type { Account, Auth } from "../auth.ts";
import { ClientError } from "../client-error.ts";
import { apiFetch } from "./api-fetch.ts";
import { type App, remoteOf } from "./app.ts";
import { loginPath } from "./login-route.ts";
import { seeOther } from "./page.ts";
import { readReturnTo } from "./return-to.ts";
import type { Session } from "./session.ts";
import { signOut } from "./sign-out.ts";
import { sealScope } from "./step-up.ts";
import { readVault, type Vault, vaultId } from "./vault.ts";

/** Binds a session to the functions that act for it. `origin` is the application's own, for cookies. */
export function authOf(app: App, request: Request, origin: string, session: Session): Auth {
  const authTime = authTimeOf(app, session);
  return {
    user: { sub: session.sub, ...session.person, claims: session.claims },
    provider: session.provider,
    issuer: session.iss,
    ...(authTime === undefined ? {} : { authTime }),
    async fetch(provider, url, init) {
      checkConnected(session, provider);
      return apiFetch(app, session, remoteOf(app, provider), url, init);
    },
    async needScope(provider, scope, { returnTo } = {}) {
      checkConnected(session, provider);
      const { method, url } = request;
      const { pathname, search } = new URL(url);
      return needScope(
        app,
        session,
        scope,
        readReturnTo(returnTo ?? (method === "GET" ? pathname + search : "/"), origin),
      );
    },
    accounts: () => accountsOf(app, session),
    signOut: (options) => signOut(app, origin, session, options),
  };
}

/** Plain OAuth has no auth_time: coming back from the provider is all the proof there is. */
function authTimeOf(app: App, { provider, authTime, createdAt }: Session): number | undefined {
  return remoteOf(app, provider).kind === "oidc" ? authTime : createdAt;
}

function checkConnected(session: Session, provider: string): void {
  if (provider === session.provider) return;
  throw new ClientError("not_connected", `the person signed in with ${session.provider}, not with ${provider}`);
}

async function needScope(app: App, session: Session, scope: string, returnTo: string): Promise<Response | undefined> {
  // A redirect could change nothing there, and the page would send the person round in circles.
  if (remoteOf(app, session.provider).kind === "oauth1") {
    throw new ClientError(
      "configuration_invalid",
      `${session.provider} uses OAuth 1.0a, which has no scopes to ask for`,
    );
  }
  const granted = grantedScope(app, session, await readVault(app, vaultId(session.id, session.provider)));
  const missing = scope.split(" ").filter((one) => one !== "" && !granted.includes(one));
  if (missing.length === 0) return undefined;
  const ask = await sealScope(app, session.provider, [...granted, ...missing].join(" "));
  const path = loginPath(app, session.provider, returnTo);
  return seeOther(`${path}${path.includes("?") ? "&" : "?"}ask=${encodeURIComponent(ask)}`);
}

const grantedScope = (app: App, { provider }: Session, vault: Vault | undefined): string[] =>
  (vault?.kept.scope ?? remoteOf(app, provider).scope).split(" ").filter((one) => one !== "");

async function accountsOf(app: App, session: Session): Promise<Account[]> {
  const vault = await readVault(app, vaultId(session.id, session.provider));
  if (vault === undefined) return [];
  const { kept, again } = vault;
  const scope = grantedScope(app, session, vault);
  const expiresAt = kept.access[""]?.expiresAt;
  return [
    {
      provider: session.provider,
      issuer: session.iss,
      sub: session.sub,
      scope,
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...(again === undefined ? {} : { signInAgain: again }),
    },
  ];
}
