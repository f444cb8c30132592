/**
 * Makes of a session what the application is given: the person, and what may be done on their behalf.
 */
import type { Account, Auth } from "../auth.ts";
import { ClientError } from "../client-error.ts";
import { apiFetch } from "./api-fetch.ts";
import { type App, remoteOf } from "./app.ts";
import type { Session } from "./session.ts";
import { signOut } from "./sign-out.ts";
import { userFromClaims } from "./user.ts";
import { readVault, vaultId } from "./vault.ts";

/** Binds a session to the functions that act for it. `origin` is the application's own, for cookies. */
export function authOf(app: App, origin: string, session: Session): Auth {
  return {
    user: userFromClaims(session.sub, session.claims),
    provider: session.provider,
    issuer: session.iss,
    async fetch(provider, url, init) {
      if (provider !== session.provider) {
        throw new ClientError("not_connected", `the person signed in with ${session.provider}, not with ${provider}`);
      }
      return apiFetch(app, session, remoteOf(app, provider), url, init);
    },
    accounts: () => accountsOf(app, session),
    signOut: (options) => signOut(app, origin, session, options),
  };
}

async function accountsOf(app: App, session: Session): Promise<Account[]> {
  const vault = await readVault(app, vaultId(session.id, session.provider));
  if (vault === undefined) return [];
  const { kept, again } = vault;
  const scope = (kept.scope ?? remoteOf(app, session.provider).scope).split(" ");
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
