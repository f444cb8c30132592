/**
 * Makes of a session what the application is given: the person, and what may be done on their behalf.
 */
import { seeOther } from "@valetkey/protocol/see-other";
import type { Account, Auth } from "../auth.ts";
import { ClientError, isClientError } from "../client-error.ts";
import { apiFetch } from "./api-fetch.ts";
import { type App, remoteOf } from "./app.ts";
import { readChallengeParameter } from "./challenge-parameter.ts";
import { loginPath } from "./login-route.ts";
import { readReturnTo } from "./return-to.ts";
import { accountIn, accountsIn, type FoundSession, type Session, userOfAccount } from "./session.ts";
import { unlink } from "./session-accounts.ts";
import { signOut } from "./sign-out.ts";
import { sealScope } from "./step-up.ts";
import { readVault, type Vault, vaultId } from "./vault.ts";

/** Binds a session to the functions that act for it. `origin` is the application's own, for cookies. */
export function authOf(app: App, request: Request, origin: string, session: FoundSession): Auth {
  const authTime = authTimeOf(app, session);
  const { knownAs } = session;
  return {
    user: userOfAccount(session),
    provider: session.provider,
    issuer: session.iss,
    ...(knownAs === undefined ? {} : { person: knownAs }),
    ...(authTime === undefined ? {} : { authTime }),
    async fetch(provider, url, init) {
      const account = accountWith(session, provider);
      try {
        return await apiFetch(app, account, remoteOf(app, provider), url, init);
      } catch (e) {
        throw about(e, provider);
      }
    },
    async needScope(provider, scope, { returnTo } = {}) {
      return needScope(app, session, accountWith(session, provider), scope, backTo(request, origin, returnTo));
    },
    async needStepUp(provider, answer, { returnTo } = {}) {
      return needStepUp(app, session, accountWith(session, provider), answer, backTo(request, origin, returnTo));
    },
    async accounts() {
      const accounts = await Promise.all(accountsIn(session).map((account) => accountOf(app, account)));
      return accounts.filter((one) => one !== undefined);
    },
    unlink: (account) => unlink(app, session, account),
    signOut: (options) => signOut(app, origin, session, options),
  };
}

/** Plain OAuth has no auth_time: coming back from the provider is all the proof there is. */
function authTimeOf(app: App, { provider, authTime, createdAt }: Session): number | undefined {
  return remoteOf(app, provider).kind === "oidc" ? authTime : createdAt;
}

function accountWith(session: FoundSession, provider: string): Session {
  const account = accountIn(session, provider);
  if (account !== undefined) return account;
  const names = accountsIn(session).map((one) => one.provider);
  throw new ClientError("not_connected", `the person signed in with ${names.join(" and ")}, not with ${provider}`);
}

/** Says which account an error is about, so that the right one can be renewed. */
function about(e: unknown, provider: string): unknown {
  if (!isClientError(e) || e.provider !== undefined) return e;
  const { code, message, error, error_description, retryAfter, fix } = e;
  const detail = { cause: e, error, error_description, retryAfter, fix, provider };
  return new ClientError(code, message.slice(code.length + 2), detail);
}

async function needScope(
  app: App,
  session: FoundSession,
  account: Session,
  scope: string,
  returnTo: string,
): Promise<Response | undefined> {
  const { provider } = account;
  // A redirect could change nothing there, and the page would send the person round in circles.
  if (remoteOf(app, provider).kind === "oauth1") {
    throw new ClientError("configuration_invalid", `${provider} uses OAuth 1.0a, which has no scopes to ask for`);
  }
  const granted = grantedScope(app, account, await readVault(app, vaultId(account.id, provider)));
  const missing = scope.split(" ").filter((one) => one !== "" && !granted.includes(one));
  if (missing.length === 0) return undefined;
  const ask = await sealScope(app, { provider, scope: [...granted, ...missing].join(" "), session: session.id });
  return toLogin(app, provider, returnTo, ask);
}

/** RFC 9470 §4: the same scopes, with what the challenge wants. */
async function needStepUp(
  app: App,
  session: FoundSession,
  account: Session,
  answer: Response,
  returnTo: string,
): Promise<Response | undefined> {
  const challenge = answer.headers.get("www-authenticate") ?? "";
  if (readChallengeParameter(challenge, "error") !== "insufficient_user_authentication") return undefined;
  const { provider } = account;
  const acr_values = readChallengeParameter(challenge, "acr_values");
  const max_age = /^\d{1,9}$/.exec(readChallengeParameter(challenge, "max_age") ?? "")?.[0];
  if (remoteOf(app, provider).kind !== "oidc") {
    throw new ClientError(
      "configuration_invalid",
      `${provider} is not OpenID Connect: it cannot be asked for a stronger sign-in`,
    );
  }
  const scope = grantedScope(app, account, await readVault(app, vaultId(account.id, provider))).join(" ");
  const ask = await sealScope(app, {
    provider,
    scope,
    session: session.id,
    ...(acr_values === undefined ? {} : { acr_values: acr_values.slice(0, 512) }),
    ...(max_age === undefined ? {} : { max_age: Number(max_age) }),
  });
  return toLogin(app, provider, returnTo, ask);
}

function toLogin(app: App, provider: string, returnTo: string, ask: string): Response {
  const path = loginPath(app, provider, returnTo);
  return seeOther(`${path}${path.includes("?") ? "&" : "?"}ask=${encodeURIComponent(ask)}`);
}

/** Where the person is now; a form is not sent again. */
function backTo({ method, url }: Request, origin: string, returnTo: string | undefined): string {
  const { pathname, search } = new URL(url);
  return readReturnTo(returnTo ?? (method === "GET" ? pathname + search : "/"), origin);
}

const grantedScope = (app: App, { provider }: Session, vault: Vault | undefined): string[] =>
  (vault?.kept.scope ?? remoteOf(app, provider).scope).split(" ").filter((one) => one !== "");

async function accountOf(app: App, account: Session): Promise<Account | undefined> {
  const { provider, iss, sub } = account;
  const vault = await readVault(app, vaultId(account.id, provider));
  if (vault === undefined) return undefined;
  const { kept, again } = vault;
  const scope = grantedScope(app, account, vault);
  const expiresAt = kept.access[""]?.expiresAt;
  return {
    provider,
    issuer: iss,
    sub,
    scope,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(again === undefined ? {} : { signInAgain: again }),
  };
}
