/**
 * Whether an error may be sent to a client by redirect while nobody is signed in (P14).
 *
 * RFC 9700 §4.11.2: whoever can register a client could otherwise use this server's good name to send people anywhere, with a
 * request that is bound to fail. `prompt=none` is no exception: it fails for everybody who is not signed in.
 */
import { isStranger } from "./clients.ts";
import type { ErrorRedirectPolicy } from "./op.ts";

/**
 * The default. Clients that an administrator registered get their errors by redirect. For a client that a stranger registered
 * (RFC 7591), or that is known by a document of its own, that happens only if the person is signed in here or refused by themselves; anybody else sees a page that says
 * what happened, with a link back to the client.
 */
export const signedInOrRegistered: ErrorRedirectPolicy = ({ client, signedIn }) => signedIn || !isStranger(client);

/** Every client gets its errors by redirect, as RFC 6749 §4.1.2.1 has it. Choose it if strangers cannot register clients. */
export const always: ErrorRedirectPolicy = () => true;
