/**
 * Signed requests with OAuth 1.0a credentials that are at hand: a `fetch` that needs no sign-in.
 *
 * RFC 5849 §3. The signature covers method, URL, query and form bodies; a JSON or binary body it does not cover (§4.2):
 * send those over https.
 */
import type { Fetch } from "@valetkey/protocol/read-json";
import { sendSigned } from "./lib/oauth1-send.ts";
import { checkClient, type OAuth1Client } from "./oauth1-client.ts";

export interface OAuth1SessionOptions extends OAuth1Client {
  /** The access token; without one requests are signed by the client alone (§3.1). */
  readonly token?: string;
  readonly token_secret?: string;
  readonly fetch?: Fetch;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

export interface OAuth1Session {
  /**
   * Fetches with a signature. Redirects are handed back, not followed. What cannot be signed is a `TypeError`, PLAINTEXT over
   * http `url_not_allowed`.
   */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;
}

/**
 * Makes a session of credentials. A client without the key its method needs is `configuration_invalid`.
 *
 * @example
 * const session = oauth1Session({ client_id, client_secret, token, token_secret });
 * const answer = await session.fetch("https://api.bird.example/1.1/statuses/home_timeline.json");
 */
export function oauth1Session(options: OAuth1SessionOptions): OAuth1Session {
  const { token, token_secret, fetch = globalThis.fetch, now = Date.now, ...client } = options;
  checkClient(client);
  const signing = { client, token, token_secret, fetch, now };
  return {
    async fetch(input, init = {}) {
      if (!(input instanceof Request)) return sendSigned(input, init, signing);
      const { method, headers, signal, redirect } = input;
      const body = input.body === null ? {} : { body: await input.arrayBuffer() };
      return sendSigned(input.url, { method, headers, signal, redirect, ...body, ...init }, signing);
    },
  };
}
