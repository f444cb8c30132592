/**
 * Calls an API of OAuth 1.0a on behalf of the person who is signed in.
 *
 * RFC 5849 §3.
 * Guarantees that signed requests go to the provider's own origin, its API or a declared resource, and nowhere else. Tokens of
 * OAuth 1.0a do not expire by rule and cannot be refreshed: what the API answers is what the caller gets, unless it is certain that
 * the permission has ended.
 */
import { ClientError } from "../client-error.ts";
import type { App } from "./app.ts";
import { audienceOf } from "./audience.ts";
import { endedBecause } from "./oauth1-ended.ts";
import type { OAuth1Remote } from "./oauth1-remote.ts";
import { sendSigned } from "./oauth1-send.ts";
import type { Session } from "./session.ts";
import { readVault, replaceVault, vaultId } from "./vault.ts";

/** Sends a request signed with the person's token. Where the permission has ended: `sign_in_again`. */
export async function oauth1Fetch(
  app: App,
  session: Session,
  remote: OAuth1Remote,
  target: string | URL,
  init: RequestInit = {},
): Promise<Response> {
  const { url } = audienceOf(remote, target);
  const vault = await readVault(app, vaultId(session.id, remote.name));
  const held = vault?.kept.access[""];
  if (vault === undefined || vault.again !== undefined || held === undefined) {
    throw new ClientError("sign_in_again", vault?.again ?? "the session is over");
  }
  const headers = new Headers(remote.headers);
  for (const [name, value] of new Headers(init.headers)) headers.set(name, value);
  const { client } = remote;
  const { access_token: token, token_secret } = held;
  const signing = { client, token, token_secret, fetch: app.fetch, now: app.now };
  const response = await sendSigned(url, { ...init, headers }, signing);
  const why = response.status === 401 ? await endedBecause(app, remote, held, response) : undefined;
  if (why === undefined) return response;
  // Only over what was read: an account that was renewed meanwhile has another token.
  const noted = await app.store.commit([await replaceVault(app, { ...vault, kept: { access: {} }, again: why })]);
  const again = noted ? why : (await readVault(app, vault.id))?.again;
  if (again === undefined) return response;
  await response.body?.cancel();
  throw new ClientError("sign_in_again", again);
}
