/**
 * Requests whose token is bound to a key: each carries a proof, and a server's demand for a nonce is met once.
 *
 * RFC 9449 §4.3, §7.1 (APIs), §8 and §9 (nonces), §11.2 and §11.4.
 * Guarantees that a nonce goes to the origin it came from only, and that a request is sent a second time only if the server
 * refused the first for want of a nonce. The key is the caller's to keep; it need not be extractable.
 */
import { createDpopProof, type DpopKey } from "@valetkey/protocol/dpop";
import type { Fetch } from "@valetkey/protocol/read-json";

/** A key and the nonces servers gave. It is used for the token endpoint and for APIs. */
export interface Dpop {
  readonly key: DpopKey;
  /**
   * The last nonce of each origin. Kept by the caller, if it should outlive this process or page. Several keys may share them: a
   * server that wants one for each key says so with a nonce, and is sent that one.
   */
  readonly nonces: Map<string, string>;
}

/** Names the key to prove possession of. A key comes from `generateDpopKey` or from where the caller keeps it. */
export const createDpop = (key: DpopKey, nonces: Map<string, string> = new Map()): Dpop => ({ key, nonces });

/** Origins whose nonces are kept. */
const mostOrigins = 100;

/** Makes the proof for one request, with the nonce that was given for it or else the last one of its origin. */
export async function proofFor(
  dpop: Dpop,
  request: {
    readonly method: string;
    readonly url: string | URL;
    readonly access_token?: string | undefined;
    readonly now: number;
    readonly nonce?: string | undefined;
  },
): Promise<{ readonly proof: string; readonly nonce: string | undefined }> {
  const { method, url, access_token, now } = request;
  const nonce = request.nonce ?? dpop.nonces.get(new URL(url).origin);
  const proof = await createDpopProof({ key: dpop.key, htm: method, htu: url, access_token, now, nonce });
  return { proof, nonce };
}

/** Remembers the nonce of an answer, and gives it if it is another than the one that was sent (§8.2). */
export function rememberNonce(
  dpop: Dpop,
  url: string | URL,
  response: Response,
  sent: string | undefined,
): string | undefined {
  const nonce = response.headers.get("dpop-nonce");
  // §8.1: NQCHAR. Anything else, two joined by a comma and a blank included, is no nonce.
  if (nonce === null || nonce.length > 1024 || !/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(nonce)) return undefined;
  const { origin } = new URL(url);
  dpop.nonces.delete(origin);
  dpop.nonces.set(origin, nonce);
  const [oldest] = dpop.nonces.keys();
  if (oldest !== undefined && dpop.nonces.size > mostOrigins) dpop.nonces.delete(oldest);
  return nonce === sent ? undefined : nonce;
}

/**
 * Gives a `fetch` that sends an access token with its proof. A redirect is handed back, not followed: the proof is for one URL.
 * A body that can be read only once (a stream) is not sent again; the 401 is then the caller's, who has the nonce for the next.
 * Where a token may go is the caller's to decide before it calls: it is sent to whatever URL is asked for.
 *
 * @example const answer = await dpopFetch({ dpop, access_token })("https://api.example/me");
 */
export function dpopFetch(options: {
  readonly dpop: Dpop;
  readonly access_token: string;
  readonly fetch?: Fetch;
  readonly now?: () => number;
}): Fetch {
  const { dpop, access_token, fetch = globalThis.fetch, now = Date.now } = options;
  return async (url, init = {}) => {
    const method = methodOf(init.method);
    const send = async (given?: string) => {
      const { proof, nonce } = await proofFor(dpop, { method, url, access_token, now: now(), nonce: given });
      const headers = new Headers(init.headers);
      headers.set("Authorization", `DPoP ${access_token}`);
      headers.set("DPoP", proof);
      const response = await fetch(url, { ...init, method, headers, redirect: init.redirect ?? "manual" });
      return { response, next: rememberNonce(dpop, url, response, nonce) };
    };
    const { response, next } = await send();
    if (next === undefined || !wantsNonce(response) || init.body instanceof ReadableStream) return response;
    await response.body?.cancel();
    // This very nonce: requests of others may have brought a newer one meanwhile, and each counts for whom it was given to.
    return (await send(next)).response;
  };
}

// §9: a 401 with the challenge error="use_dpop_nonce".
function wantsNonce({ status, headers }: Response): boolean {
  const challenge = headers.get("www-authenticate") ?? "";
  return status === 401 && /\bdpop\b/i.test(challenge) && /error\s*=\s*"?use_dpop_nonce"?/i.test(challenge);
}

/** The method as `fetch` will send it: it brings these into upper case, and a proof compares them as text. */
function methodOf(method = "GET"): string {
  const upper = method.toUpperCase();
  return ["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"].includes(upper) ? upper : method;
}
