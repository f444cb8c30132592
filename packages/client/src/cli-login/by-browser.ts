/**
 * Signs in through the browser on this computer.
 *
 * RFC 8252 §4.1 and §7.3, RFC 7636, RFC 9207, RFC 6749 §4.1.
 * Guarantees that the page which says how it went is shown after the code was spent: what is left in the browser's history is
 * worth nothing.
 */
import { randomToken } from "@valetkey/protocol/random";
import { authorizationUrl } from "../authorization-url.ts";
import { checkCallback } from "../callback.ts";
import { ClientError } from "../client-error.ts";
import { exchangeCode } from "../exchange-code.ts";
import { listen } from "./loopback.ts";
import { notSignedInPage, signedInPage } from "./page.ts";
import type { Asking, SignedIn } from "./sign-in.ts";
import type { Terminal } from "./terminal.ts";

/** Opens the browser and waits. Nothing: none opens here, and this is not the `last` way there is. */
export async function byBrowser(
  terminal: Terminal,
  asking: Asking,
  { last }: { readonly last: boolean },
): Promise<SignedIn> {
  const { redirectUri, timeout, signal, say } = terminal;
  const state = randomToken(32);
  const listening = await listen({ redirectUri, state, timeout, signal });
  try {
    const { redirect_uri, answer } = listening;
    const { url, ...sent } = await urlFor(terminal, asking, { redirect_uri, state });
    say(`Opening the browser to sign in. If it does not open, go to this address on this computer:\n\n${url.href}\n\n`);
    // A program that neither opens nor fails must not outlast the answer, or the time there is for it.
    const opened = await Promise.race([terminal.open(url.href).catch(() => false), answer.then(() => true)]);
    if (!opened && !last) {
      say("No browser could be opened.\n\n");
      await listening.close();
      return undefined;
    }
    const signedIn = await finish(terminal, asking, { ...sent, redirect_uri, answer: await answer });
    await listening.close(signedInPage());
    return signedIn;
  } catch (error) {
    const shown = error instanceof ClientError ? error : new ClientError("unexpected", "the sign-in failed");
    await listening.close(notSignedInPage(shown));
    throw error;
  }
}

async function urlFor(
  { client, resource, parameters, prompt }: Terminal,
  { metadata, scope }: Asking,
  { redirect_uri, state }: { readonly redirect_uri: string; readonly state: string },
) {
  // OpenID Connect Core §11: staying signed in is something to be asked for.
  const offline = scope.split(" ").includes("offline_access") ? "consent" : undefined;
  const { client_id } = client;
  const asked = { metadata, client_id, redirect_uri, scope, resource, parameters, state };
  return authorizationUrl({ ...asked, prompt: prompt ?? offline });
}

async function finish(
  { client, fetch, now }: Terminal,
  { metadata, identify }: Asking,
  {
    answer,
    ...sent
  }: {
    readonly answer: URL;
    readonly redirect_uri: string;
    readonly state: string;
    readonly nonce: string;
    readonly code_verifier: string;
  },
): Promise<SignedIn> {
  const { state, nonce, redirect_uri, code_verifier } = sent;
  const { code } = checkCallback(answer, { metadata, state });
  const tokens = await exchangeCode({ metadata, client, fetch, now, code, code_verifier, redirect_uri });
  return { tokens, user: await identify(tokens, { nonce, code }) };
}
