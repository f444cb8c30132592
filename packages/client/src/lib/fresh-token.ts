/**
 * Gives an access token that is good now, refreshing when it is not.
 *
 * RFC 6749 §6, RFC 9700 §4.14 (rotation), RFC 8707 §2.2 (one token per resource), RFC 9449 §5 (one key per account), OpenID
 * Connect Core §12.2.
 * Guarantees one refresh in flight per account across all processes that share the store, that the successor of a refresh token
 * is stored before anything else is done with the answer, that whoever died in between is succeeded, and that an outage never
 * costs a token: only the issuer's `invalid_grant` ends a permission.
 */
import { ClientError, isClientError } from "../client-error.ts";
import type { Dpop } from "../dpop-fetch.ts";
import type { Tokens } from "../token-request.ts";
import type { App } from "./app.ts";
import { accountDpop } from "./dpop-key.ts";
import { goodToken, liveToken } from "./held-token.ts";
import { checkSamePerson, endsPermission, prepareRefresh, refreshAtIssuer } from "./refresh-at-issuer.ts";
import { createQueue, giveBack, type Queue, type Turn, takeTurn, withoutTurn, writeInTurn } from "./refresh-turn.ts";
import type { TokenRemote } from "./remote.ts";
import type { Session } from "./session.ts";
import { revokeQuietly } from "./sign-out.ts";
import { held, type Kept, readVault, replaceVault, type Vault, vaultId } from "./vault.ts";

/** Least time in milliseconds an issuer that did not answer is left alone by the other processes. */
const rest = 1_000;
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

/** With the key of the account. */
interface Bound extends Wanted {
  readonly dpop: Dpop | undefined;
}

/** A token that is good now, and the key it is bound to, if it is. */
export interface Usable {
  readonly access_token: string;
  readonly dpop: Dpop | undefined;
}

/** Finds or gets the token. The person must sign in again: `sign_in_again`; the issuer is down: `issuer_unavailable`. */
export async function freshToken(app: App, wanted: Wanted): Promise<Usable> {
  const id = vaultId(wanted.session.id, wanted.remote.name);
  const { kept } = await need(app, id);
  // The key stays what it is as long as the entry does.
  const dpop = await accountDpop(wanted.remote, kept);
  return { access_token: await freshAccessToken(app, id, { ...wanted, dpop }, kept), dpop };
}

async function freshAccessToken(app: App, id: string, wanted: Bound, first: Kept): Promise<string> {
  for (let kept = first; ; kept = (await need(app, id)).kept) {
    const good = goodToken(kept.access, wanted, app.now());
    if (good !== undefined) return good;
    // From here to flights.set nothing is awaited: nobody else in this process can start a second one.
    const running = app.flights.get(id);
    if (running === undefined) break;
    if (running.resource !== wanted.resource) await running.token.catch(() => undefined);
    else if ((await running.token) !== wanted.rejected) return running.token;
  }
  const token = renew(app, id, wanted).finally(() => app.flights.delete(id));
  app.flights.set(id, { resource: wanted.resource, token });
  return token;
}

async function need(app: App, id: string): Promise<Vault> {
  const vault = await readVault(app, id);
  if (vault === undefined) throw new ClientError("sign_in_again", "the session is over");
  if (vault.again !== undefined) throw new ClientError("sign_in_again", vault.again);
  return vault;
}

/** Reads the store again first: what was read before the flight may be what another one has replaced. */
async function renew(app: App, id: string, wanted: Bound): Promise<string> {
  const queue = createQueue(app);
  for (let attempt = 0; attempt < maxAttempts; ) {
    const vault = await need(app, id);
    const good = goodToken(vault.kept.access, wanted, app.now());
    if (good !== undefined) return good;
    const { refresh_token } = vault.kept;
    if (refresh_token === undefined) throw await withoutRefreshToken(app, vault, wanted);
    try {
      const turn = await nextTurn(app, vault, wanted, queue);
      if (turn === undefined) continue;
      attempt += 1;
      const token = await refreshInTurn(app, turn, { ...wanted, refresh_token });
      if (token !== undefined) return token;
    } catch (e) {
      const live = isClientError(e, "issuer_unavailable") ? liveToken(vault.kept.access, wanted, app.now()) : undefined;
      if (live === undefined) throw e;
      return live;
    }
  }
  throw new ClientError("store_unavailable", "the tokens kept changing in the store");
}

/** Takes the turn; or waits, if somebody else has it: then nothing, and the caller looks at the store again. */
async function nextTurn(app: App, vault: Vault, wanted: Wanted, queue: Queue): Promise<Turn | undefined> {
  const { restUntil = 0 } = vault;
  if (restUntil > app.now()) {
    const retryAfter = Math.ceil((restUntil - app.now()) / 1000);
    throw new ClientError("issuer_unavailable", "the issuer did not answer another process", { retryAfter });
  }
  if (!queue.isTaken(vault)) {
    await prepareRefresh(wanted.remote);
    return takeTurn(app, vault);
  }
  if (liveToken(vault.kept.access, wanted, app.now()) !== undefined) {
    throw new ClientError("issuer_unavailable", "another process is refreshing");
  }
  await queue.wait(vault);
  return undefined;
}

/** Refreshes once, and ends the turn whatever comes of it. Nothing: the store has moved on, look again. */
async function refreshInTurn(
  app: App,
  turn: Turn,
  wanted: Bound & { readonly refresh_token: string },
): Promise<string | undefined> {
  const { remote, session, refresh_token: used, resource } = wanted;
  let last = turn;
  let successor: string | undefined;
  try {
    const tokens = await refreshAtIssuer(app, remote, wanted);
    successor = tokens.refresh_token;
    // The check may have to fetch keys. Whoever dies meanwhile must not take the only good refresh token along.
    if (tokens.id_token !== undefined) last = await writeInTurn(app, turn, (vault) => rotated(vault, used, tokens));
    const checked = await checkSamePerson(app, remote, session, tokens);
    await writeInTurn(app, last, (vault) =>
      withoutTurn(withTokens(rotated(vault, used, tokens), checked, resource), turn),
    );
    return checked.access_token;
  } catch (e) {
    if (endsPermission(e)) {
      const why = reasonOf(e, turn);
      const { kept, ...vault } = withoutTurn(last.vault, turn);
      // Only over what we know: if somebody else has come in between, theirs stands and ours was merely late.
      const noted = { ...vault, kept: { ...kept, access: {} }, again: why };
      if (!(await app.store.commit([await replaceVault(app, noted)]))) return undefined;
      throw new ClientError("sign_in_again", why, { cause: e });
    }
    // Signed out meanwhile: what was revoked then was the token we have just spent.
    if (isClientError(e, "sign_in_again") && successor !== undefined) await revokeQuietly(app, remote, successor);
    const outage = isClientError(e, "issuer_unavailable");
    await giveBack(app, last, outage ? app.now() + Math.max(rest, (e.retryAfter ?? 0) * 1000) : undefined);
    throw e;
  }
}

function reasonOf(e: ClientError, { inherited }: Turn): string {
  if (e.code !== "token_refused") return e.message;
  const refused = `the issuer no longer accepts the refresh token: ${e.error_description ?? e.error}`;
  // Rotated, and the successor died with whoever was to store it.
  return inherited ? `${refused} (a refresh before this one was never finished)` : refused;
}

/** Whoever stored in between is respected: its refresh token stands if it is not the one we used. */
function rotated(vault: Vault, used: string, { refresh_token = used }: Tokens): Vault {
  const { kept } = vault;
  const next = kept.refresh_token === used ? { ...kept, refresh_token } : kept;
  // If it only noted that ours was refused, it was late, and the answer in hand says otherwise.
  return { ...vault, kept: next, again: undefined };
}

function withTokens(vault: Vault, tokens: Tokens, resource: string): Vault {
  const { kept } = vault;
  const id_token = tokens.id_token === undefined ? {} : { id_token: tokens.id_token };
  return { ...vault, kept: { ...kept, access: { ...kept.access, [resource]: held(tokens) }, ...id_token } };
}

async function withoutRefreshToken(app: App, vault: Vault, { resource, remote }: Wanted): Promise<ClientError> {
  const found = vault.kept.access[resource];
  const live = found !== undefined && (found.expiresAt ?? Number.POSITIVE_INFINITY) > app.now();
  if (live || (found === undefined && resource !== "")) {
    const whose = resource === "" ? "itself" : resource;
    return new ClientError("no_refresh_token", `${remote.name} gave no refresh token to get one for ${whose} with`);
  }
  const ended = "the access token has ended and the issuer gave no refresh token";
  await app.store.commit([await replaceVault(app, { ...vault, kept: { ...vault.kept, access: {} }, again: ended })]);
  return new ClientError("sign_in_again", ended);
}
