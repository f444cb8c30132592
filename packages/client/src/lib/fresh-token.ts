/**
 * Gives an access token that is good now, refreshing when it is not.
 *
 * RFC 6749 §6, RFC 9700 §4.14 (rotation), RFC 8707 §2.2 (one token per resource), OpenID Connect Core §12.2.
 * Guarantees one refresh in flight per account in this process, that a refresh which another process won is not undone, and
 * that an outage never costs a token: only the issuer's `invalid_grant` ends a permission.
 */
import { decodeUnverified } from "@valetkey/protocol/jose";
import { ClientError, isClientError } from "../client-error.ts";
import { refreshTokens } from "../refresh.ts";
import type { Tokens } from "../token-request.ts";
import type { App } from "./app.ts";
import { openIdToken, readIdToken } from "./read-id-token.ts";
import type { OidcRemote, TokenRemote } from "./remote.ts";
import type { Session } from "./session.ts";
import { type HeldToken, held, type Kept, readVault, replaceVault, type Vault, vaultId } from "./vault.ts";

/** Milliseconds before expiry from which on a token counts as expired, and the part of its lifetime that this is at most. */
const skew = 30_000;
const skewPart = 0.1;
const maxAttempts = 5;

/** Which token is wanted. */
export interface Wanted {
  readonly session: Session;
  readonly remote: TokenRemote;
  /** A declared resource, or `""` for the issuer itself. */
  readonly resource: string;
  /** A token the other side has just refused: not this one. */
  readonly rejected?: string;
}

/** Finds or gets the token. The person must sign in again: `sign_in_again`; the issuer is down: `issuer_unavailable`. */
export async function freshToken(app: App, wanted: Wanted): Promise<string> {
  const id = vaultId(wanted.session.id, wanted.remote.name);
  for (;;) {
    const good = goodToken((await need(app, id)).kept, wanted, app.now());
    if (good !== undefined) return good;
    // From here to flights.set nothing is awaited: nobody else can start a second one.
    const running = app.flights.get(id);
    if (running === undefined) break;
    if (running.resource !== wanted.resource) await running.token.catch(() => undefined);
    else if ((await running.token) !== wanted.rejected) return running.token;
  }
  const token = renew(app, id, wanted).finally(() => app.flights.delete(id));
  app.flights.set(id, { resource: wanted.resource, token });
  return token;
}

function goodToken(kept: Kept, { resource, rejected }: Wanted, now: number): string | undefined {
  const found = kept.access[resource];
  if (found === undefined || found.access_token === rejected) return undefined;
  const { expiresAt, obtainedAt } = found;
  if (expiresAt === undefined) return found.access_token;
  return now < expiresAt - Math.min(skew, (expiresAt - obtainedAt) * skewPart) ? found.access_token : undefined;
}

async function need(app: App, id: string): Promise<Vault> {
  const vault = await readVault(app, id);
  if (vault === undefined) throw new ClientError("sign_in_again", "the session is over");
  if (vault.again !== undefined) throw new ClientError("sign_in_again", vault.again);
  return vault;
}

/** Refreshes once. Reads the store again first: what was read before the flight may be what another one has replaced. */
async function renew(app: App, id: string, wanted: Wanted): Promise<string> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const vault = await need(app, id);
    const good = goodToken(vault.kept, wanted, app.now());
    if (good !== undefined) return good;
    const { refresh_token } = vault.kept;
    if (refresh_token === undefined) throw await withoutRefreshToken(app, vault, wanted);
    let tokens: Tokens;
    try {
      tokens = await refreshAt(app, wanted, refresh_token);
    } catch (e) {
      if (isClientError(e, "issuer_unavailable")) return stillValid(vault.kept, wanted, app.now(), e);
      if (!endsPermission(e)) throw e;
      if (await wasRotated(app, id, refresh_token)) continue;
      if (await markEnded(app, vault, e)) {
        throw new ClientError("sign_in_again", reasonOf(e), { cause: e });
      }
      continue;
    }
    await store(app, id, refresh_token, tokens, wanted.resource);
    return tokens.access_token;
  }
  throw new ClientError("store_unavailable", "the tokens kept changing in the store");
}

async function refreshAt(app: App, { remote, resource, session }: Wanted, refresh_token: string): Promise<Tokens> {
  const { issuerOf, client } = remote;
  issuerOf.checkBackOff();
  try {
    const { fetch, now } = app;
    const metadata = await issuerOf.metadata();
    const audience = resource === "" ? {} : { resource };
    const readTokens = remote.kind === "oauth2" && remote.readTokens ? { readTokens: remote.readTokens } : {};
    const parameters = remote.token_params;
    const request = { metadata, client, fetch, now, refresh_token, parameters, ...audience, ...readTokens };
    const tokens = await refreshTokens(request);
    issuerOf.answered();
    return tokens.id_token === undefined || remote.kind !== "oidc"
      ? tokens
      : await checkSamePerson(app, remote, session, tokens, tokens.id_token);
  } catch (e) {
    issuerOf.answered(e);
    throw e;
  }
}

async function checkSamePerson(app: App, remote: OidcRemote, session: Session, tokens: Tokens, id_token: string) {
  try {
    const read = await readIdToken(app, remote, id_token, { access_token: tokens.access_token });
    const { iss, sub } = read.claims;
    if (iss === session.iss && sub === session.sub) return { ...tokens, id_token: read.id_token };
    throw anotherPerson();
  } catch (e) {
    // The old refresh token is spent by now. Neither missing keys nor a wrong clock may cost the new one: it came over TLS
    // from the issuer (Core §3.1.3.7 step 6), so the person is compared and the ID token is not taken over.
    if (!isClientError(e, "issuer_unavailable") && !isClientError(e, "clock_skew")) throw e;
    const { iss, sub } = decodeUnverified(await openIdToken(remote, id_token)).claims;
    if (iss !== session.iss || sub !== session.sub) throw anotherPerson(e);
    const { id_token: _, ...rest } = tokens;
    return rest;
  }
}

const anotherPerson = (cause?: unknown) =>
  new ClientError("id_token_invalid", "the refreshed ID token is about another person", { cause });

// A token for somebody else is no token: the permission is not what it was.
const endsPermission = (e: unknown): e is ClientError =>
  (isClientError(e, "token_refused") && e.error === "invalid_grant") || isClientError(e, "id_token_invalid");

const reasonOf = (e: ClientError): string =>
  e.code === "token_refused"
    ? `the issuer no longer accepts the refresh token: ${e.error_description ?? e.error}`
    : e.message;

const markEnded = async (app: App, vault: Vault, e: ClientError): Promise<boolean> =>
  app.store.commit([await replaceVault(app, { ...vault, kept: { ...vault.kept, access: {} }, again: reasonOf(e) })]);

/** Tells whether another process has rotated: then its token stands and ours was merely late. It may still be storing. */
async function wasRotated(app: App, id: string, used: string): Promise<boolean> {
  for (const wait of [0, 100, 300]) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    if ((await need(app, id)).kept.refresh_token !== used) return true;
  }
  return false;
}

/** During an outage a token that was to be renewed early is good until it really expires. */
function stillValid(kept: Kept, { resource, rejected }: Wanted, now: number, outage: ClientError): string {
  const found: HeldToken | undefined = kept.access[resource];
  const usable = found !== undefined && found.access_token !== rejected && (found.expiresAt ?? now + 1) > now;
  if (usable) return found.access_token;
  throw outage;
}

async function withoutRefreshToken(app: App, vault: Vault, { resource, remote }: Wanted): Promise<ClientError> {
  const found = vault.kept.access[resource];
  const live = found !== undefined && (found.expiresAt ?? Number.POSITIVE_INFINITY) > app.now();
  if (live || (found === undefined && resource !== "")) {
    const whose = resource === "" ? "itself" : resource;
    return new ClientError("no_refresh_token", `${remote.name} gave no refresh token to get one for ${whose} with`);
  }
  const ended = new ClientError("sign_in_again", "the access token has ended and the issuer gave no refresh token");
  await markEnded(app, vault, ended);
  return ended;
}

/**
 * Stores an answer. Whoever stored in between is respected: its refresh token stands if it is not the one we used. If it only
 * noted that ours was refused, it was late, and the answer in hand says otherwise.
 */
async function store(app: App, id: string, used: string, tokens: Tokens, resource: string): Promise<void> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const vault = await readVault(app, id);
    if (vault === undefined) throw new ClientError("sign_in_again", "the session is over");
    const { kept } = vault;
    const rotated = kept.refresh_token === used ? (tokens.refresh_token ?? used) : kept.refresh_token;
    const next: Kept = {
      ...kept,
      access: { ...kept.access, [resource]: held(tokens) },
      ...(rotated === undefined ? {} : { refresh_token: rotated }),
      ...(tokens.id_token === undefined ? {} : { id_token: tokens.id_token }),
    };
    if (await app.store.commit([await replaceVault(app, { ...vault, kept: next, again: undefined })])) return;
  }
  throw new ClientError("store_unavailable", "the fresh tokens could not be stored");
}
