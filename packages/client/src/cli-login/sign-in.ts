/**
 * Asks the person to sign in, by the browser or with a code, and makes sure of who they are.
 *
 * RFC 8252 §6 and §8.1 (PKCE), RFC 8628, RFC 9207, OpenID Connect Core §3.1.3.7 and §11 (`offline_access`).
 * Guarantees that nothing is remembered of an answer which was not verified to the end.
 */
import { jwsAlgorithms } from "@valetkey/protocol/jwk";
import type { ServerMetadata } from "@valetkey/protocol/metadata";
import type { User } from "../auth.ts";
import { checkIdToken } from "../id-token.ts";
import { userOf } from "../lib/user.ts";
import type { Tokens } from "../token-request.ts";
import { fetchUserinfo } from "../userinfo.ts";
import { byBrowser } from "./by-browser.ts";
import { byDevice } from "./by-device.ts";
import { heldOf, type Stored } from "./stored.ts";
import type { Terminal } from "./terminal.ts";

/** Seconds by which clocks may differ. */
const clockTolerance = 30;

/** What one way of signing in needs to know, and to have checked. */
export interface Asking {
  readonly metadata: ServerMetadata;
  readonly scope: string;
  /** Finds out who it is; fails unless the answer holds. */
  identify(tokens: Tokens, from: { readonly nonce?: string; readonly code?: string }): Promise<User>;
}

/** How a way of signing in ended. Nothing: it cannot be gone here. */
export type SignedIn = { readonly tokens: Tokens; readonly user: User } | undefined;

/** Asks the person. Throws `access_denied`, `authorization_refused`, and whatever shows that an answer does not hold. */
export async function signIn(terminal: Terminal): Promise<Stored> {
  const { issuer, client, scope, resource, via, canOpen } = terminal;
  const metadata = await terminal.issuerOf.metadata();
  const asking: Asking = {
    metadata,
    scope: askedScope(terminal, metadata),
    identify: (tokens, from) => identify(terminal, metadata, tokens, from),
  };
  const hasDevice = metadata.device_authorization_endpoint !== undefined;
  const browserFirst = via === "browser" || (via === undefined && (canOpen || !hasDevice));
  const last = via === "browser" || !hasDevice;
  const found = browserFirst ? await byBrowser(terminal, asking, { last }) : undefined;
  const { tokens, user } = found ?? (await byDevice(terminal, asking));
  return {
    version: 1,
    issuer,
    client_id: client.client_id,
    scope,
    resource,
    user,
    ...(tokens.refresh_token === undefined ? {} : { refresh_token: tokens.refresh_token }),
    access: { "": heldOf(tokens) },
  };
}

/** Some issuers refuse a scope they do not know; what they have is in their metadata (RFC 8414 §2). */
function askedScope({ scope, optionalScope }: Terminal, { scopes_supported }: ServerMetadata): string {
  const missing = (name: string) => scopes_supported?.includes(name) === false;
  return scope
    .split(" ")
    .filter((name) => !(optionalScope.includes(name) && missing(name)))
    .join(" ");
}

async function identify(
  terminal: Terminal,
  metadata: ServerMetadata,
  { id_token, access_token }: Tokens,
  from: { readonly nonce?: string; readonly code?: string },
): Promise<User> {
  const { issuer, client, issuerOf, now, fetch } = terminal;
  const claims = await checkIdToken(id_token, {
    issuer,
    client_id: client.client_id,
    ...from,
    access_token,
    c_hash: "optional",
    keys: await issuerOf.keys(),
    // All are asymmetric: whichever the issuer signs with, it is its published key that verifies.
    alg: jwsAlgorithms,
    now: now(),
    clockTolerance,
  });
  return userOf(claims, await fetchUserinfo({ metadata, access_token, sub: claims.sub, fetch }));
}
