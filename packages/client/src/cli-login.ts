/**
 * login: signs a person in from a program in a terminal, and remembers it.
 *
 * RFC 8252 (a browser and loopback), RFC 8628 (a code, where no browser can be opened), OpenID Connect Core §3.1.
 * The one part of this package that needs Node; nothing else in it may import this file.
 * Guarantees that nothing is ever written to standard output, and that tokens are in one file which nobody else may read.
 */

import { type LoginOptions, readOptions } from "./cli-login/options.ts";
import { type CliSession, sessionOf } from "./cli-login/session.ts";
import { signIn } from "./cli-login/sign-in.ts";
import { findStored, keepStored, type Stored } from "./cli-login/stored.ts";
import type { Terminal } from "./cli-login/terminal.ts";
import { isClientError } from "./client-error.ts";

export type { User } from "./auth.ts";
export type { LoginOptions, Output } from "./cli-login/options.ts";
export type { CliSession } from "./cli-login/session.ts";

/**
 * Gives the session of the person at this terminal. If they signed in before, nothing is shown and nobody is asked; otherwise
 * the browser opens, or where there is none a code is shown to enter on another device. Throws `ClientError`: `access_denied`
 * when they say no or do nothing in time, `issuer_unavailable`, `configuration_invalid` when the file of tokens is not safe.
 *
 * @example
 * const me = await login({ issuer: "https://id.example.org", clientId: "tool" });
 * const photos = await me.fetch("https://id.example.org/userinfo");
 */
export async function login(options: LoginOptions): Promise<CliSession> {
  const terminal = readOptions(options);
  const found = options.prompt === undefined ? await goodSession(terminal) : undefined;
  if (found !== undefined) return found;
  const stored = await signIn(terminal);
  await keepStored(terminal, stored);
  terminal.say(`Signed in as ${nameOf(stored)}.\n`);
  return sessionOf(terminal, stored);
}

/**
 * Finds the session of somebody who signed in before with these options; nothing if nobody did. Asks nobody, neither the person
 * nor the issuer: for commands like `whoami` and `logout`.
 *
 * @example await (await findLogin({ issuer, clientId }))?.signOut();
 */
export async function findLogin(options: LoginOptions): Promise<CliSession | undefined> {
  const terminal = readOptions(options);
  const stored = await findStored(terminal);
  return stored && sessionOf(terminal, stored);
}

/** A session that has what is asked for and can still be used, as far as can be known now. */
async function goodSession(terminal: Terminal): Promise<CliSession | undefined> {
  const stored = await findStored(terminal);
  if (stored === undefined || !covers(stored, terminal)) return undefined;
  const session = sessionOf(terminal, stored);
  try {
    await session.token(terminal.resource[0]);
    return session;
  } catch (error) {
    // What needs no token works without the issuer; what does says by itself that it is down.
    if (isClientError(error, "issuer_unavailable")) return session;
    if (isClientError(error, "sign_in_again") || isClientError(error, "no_refresh_token")) return undefined;
    throw error;
  }
}

/** The program may ask for more than it did when the person signed in. */
function covers(stored: Stored, { scope, resource }: Terminal): boolean {
  const had = stored.scope.split(" ");
  return scope.split(" ").every((name) => had.includes(name)) && resource.every((one) => stored.resource.includes(one));
}

const nameOf = ({ user: { email, username, name, sub } }: Stored): string => email ?? username ?? name ?? sub;
