/**
 * Signs a request as OAuth 1.0a wants it and sends it.
 *
 * RFC 5849 §3.1 (making requests), §3.3 (nonce and timestamp), §3.5 (placement), §3.4.4 (PLAINTEXT needs a secure channel).
 * Guarantees that what is signed is what is sent, that every request has a nonce of its own, and that no redirect is followed:
 * a signature must not travel to a host its owner did not choose (O1-11).
 */
import { isOAuthError } from "@valetkey/protocol/errors";
import { baseString, isSignedForm } from "@valetkey/protocol/oauth1/base-string";
import {
  type EncodedPair,
  encodePairs,
  formatPairs,
  oauthHeader,
  parsePairs,
} from "@valetkey/protocol/oauth1/parameters";
import { sign } from "@valetkey/protocol/oauth1/signature";
import { createId } from "@valetkey/protocol/random";
import type { Fetch } from "@valetkey/protocol/read-json";
import { ClientError } from "../client-error.ts";
import { type OAuth1Client, signatureKey } from "../oauth1-client.ts";
import { isLoopback } from "./secure-url.ts";

/** On whose behalf, with what else to say, and over what. */
export interface Signing {
  readonly client: OAuth1Client;
  readonly token?: string | undefined;
  readonly token_secret?: string | undefined;
  /** Further protocol parameters: `oauth_callback`, `oauth_verifier`. */
  readonly protocol?: Readonly<Record<string, string>>;
  readonly fetch: Fetch;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Sends a request signed; see `signRequest`. */
export async function sendSigned(target: string | URL, init: RequestInit, signing: Signing): Promise<Response> {
  const signed = await signRequest(target, init, signing);
  return signing.fetch(signed.url, signed.init);
}

/** Signs a request. A URL, form or key that cannot be used is a `TypeError`; PLAINTEXT over http is `url_not_allowed`. */
export async function signRequest(
  target: string | URL,
  init: RequestInit,
  signing: Omit<Signing, "fetch">,
): Promise<{ readonly url: URL; readonly init: RequestInit }> {
  const { client, token, token_secret, now } = signing;
  const url = new URL(target);
  const key = signatureKey(client, token_secret);
  if (key.signature_method === "PLAINTEXT" && url.protocol !== "https:" && !isLoopback(url)) {
    throw new ClientError("url_not_allowed", `PLAINTEXT shows its secrets: https only, got ${url.origin}`);
  }
  const method = (init.method ?? "GET").toUpperCase();
  const headers = new Headers(init.headers);
  const form = await readForm(headers, init);
  const pairs = encodePairs({
    oauth_consumer_key: client.client_id,
    oauth_token: token,
    oauth_signature_method: key.signature_method,
    oauth_timestamp: String(Math.floor(now() / 1000)),
    // Letters and digits, unique with 80 random bits: some providers take nothing longer or stranger.
    oauth_nonce: createId(now()),
    oauth_version: "1.0",
    ...signing.protocol,
  });
  const text = readable(() => {
    const formPairs = parsePairs(form ?? "");
    refuseProtocol([...parsePairs(url.search.slice(1)), ...formPairs]);
    return baseString({ method, url, protocol: pairs, form: formPairs });
  });
  const signed: EncodedPair[] = [...pairs, ...encodePairs({ oauth_signature: await sign(text, key) })];
  const { body } = place(signed, { client, method, url, headers, form, body: init.body });
  // Whoever called decides about a redirect.
  const redirect = init.redirect === "error" ? "error" : "manual";
  return { url, init: { ...init, method, headers, ...(body === undefined ? {} : { body }), redirect } };
}

/** Reads a form body as the text that is both signed and sent; nothing for any other body (§3.4.1.3.1). */
async function readForm(headers: Headers, { body }: RequestInit): Promise<string | undefined> {
  if (body === null || body === undefined) return undefined;
  const type = headers.get("content-type") ?? ownType(body);
  if (!isSignedForm(type)) return undefined;
  headers.set("Content-Type", type);
  return new Response(body).text();
}

/** The type a body brings along, where no header says another. */
function ownType(body: BodyInit): string {
  if (body instanceof URLSearchParams) return "application/x-www-form-urlencoded;charset=UTF-8";
  return body instanceof Blob ? body.type : "";
}

interface Sending {
  readonly client: OAuth1Client;
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly form: string | undefined;
  readonly body: RequestInit["body"];
}

/** Puts the parameters where the provider expects them (§3.5.1 to §3.5.3). */
function place(pairs: readonly EncodedPair[], sending: Sending): { readonly body: RequestInit["body"] } {
  const { client, method, url, headers, form } = sending;
  const body = form ?? sending.body;
  const joined = (before: string): string => (before === "" ? formatPairs(pairs) : `${before}&${formatPairs(pairs)}`);
  if (client.placement === "query") {
    url.search = joined(url.search.slice(1));
    return { body };
  }
  const empty = (sending.body ?? "") === "" && method !== "GET" && method !== "HEAD";
  // §3.5.2: a body can take them only if it is a form. Others use the header, which every provider must prefer (§3.5).
  if (client.placement === "body" && (form !== undefined || empty)) {
    headers.set("Content-Type", headers.get("content-type") ?? "application/x-www-form-urlencoded");
    return { body: joined(form ?? "") };
  }
  headers.set("Authorization", oauthHeader(pairs, client.realm));
  return { body };
}

/** §3.1: no protocol parameter more than once per request, so the caller may not bring one of ours along. */
function refuseProtocol(pairs: readonly EncodedPair[]): void {
  const own = /^oauth_(consumer_key|token|signature|signature_method|timestamp|nonce|version|callback|verifier)$/;
  const found = pairs.find(([name]) => own.test(name));
  if (found !== undefined) throw new TypeError(`${found[0]} is a parameter of the signature, and is there already`);
}

function readable<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!isOAuthError(cause)) throw cause;
    throw new TypeError(`the request cannot be signed: ${cause.description}`, { cause });
  }
}
