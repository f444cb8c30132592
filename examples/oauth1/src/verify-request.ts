/**
 * Checks a signed request as a provider of OAuth 1.0a must (RFC 5849 §3.2): client, timestamp, nonce, signature.
 */
import { baseString, isSignedForm } from "@valetkey/protocol/oauth1/base-string";
import {
  parsePairs,
  percentDecode,
  readOAuthHeader,
  readProtocolParameters,
} from "@valetkey/protocol/oauth1/parameters";
import { type SignatureKey, verify } from "@valetkey/protocol/oauth1/signature";

/** The one client that is registered. */
export interface Registered {
  readonly name: string;
  readonly client_id: string;
  readonly client_secret: string;
  readonly callback: string;
}

/** Temporary credentials on their way. */
export interface Temporary {
  readonly secret: string;
  readonly callback: string;
  /** Milliseconds. */
  readonly expiresAt: number;
  /** Set: the person allowed it. */
  verifier?: string;
}

/** Why a request is refused, in the words of the OAuth Problem Reporting extension. */
export class Refused extends Error {
  readonly problem: string;
  readonly status: 400 | 401;

  constructor(problem: string, status: 400 | 401) {
    super(problem);
    this.problem = problem;
    this.status = status;
  }
}

interface Situation {
  readonly client: Registered;
  /** Finds the secret of a token; nothing for one that is not known. */
  readonly secretOf: (token: string) => string | undefined;
  /** Nonces that were used, with the time until which they must be remembered. */
  readonly nonces: Map<string, number>;
  /** Milliseconds. */
  readonly now: number;
}

/** Milliseconds a timestamp may be off. */
const window = 600_000;

/** Gives the protocol parameters and the form of a request that is signed properly; throws `Refused` for any other. */
export async function verifyRequest(request: Request, { client, secretOf, nonces, now }: Situation) {
  const header = readOAuthHeader(request.headers.get("authorization"));
  if (header === undefined) throw new Refused("parameter_absent", 401);
  const protocol = readProtocolParameters(header);
  const {
    oauth_token,
    oauth_nonce = "",
    oauth_signature = "",
    oauth_signature_method,
    oauth_timestamp = "",
  } = protocol;
  if (oauth_signature_method !== "HMAC-SHA1" && oauth_signature_method !== "HMAC-SHA256") {
    throw new Refused("signature_method_rejected", 400);
  }
  if (protocol.oauth_consumer_key !== client.client_id) throw new Refused("consumer_key_unknown", 401);
  const token_secret = oauth_token === undefined ? undefined : secretOf(oauth_token);
  if (oauth_token !== undefined && token_secret === undefined) throw new Refused("token_rejected", 401);
  const time = /^[1-9]\d{0,11}$/.test(oauth_timestamp) ? Number(oauth_timestamp) * 1000 : Number.NaN;
  if (!(Math.abs(time - now) <= window)) throw new Refused("timestamp_refused", 401);
  const form = isSignedForm(request.headers.get("content-type")) ? parsePairs(await request.text()) : [];
  const text = baseString({ method: request.method, url: new URL(request.url), protocol: header, form });
  const { client_secret } = client;
  const key: SignatureKey = { signature_method: oauth_signature_method, client_secret, token_secret };
  if (!(await verify(text, key, oauth_signature))) throw new Refused("signature_invalid", 401);
  // Only what was signed by the client fills the memory; what is outside the window is refused by its timestamp.
  for (const [nonce, until] of nonces) if (until < now) nonces.delete(nonce);
  const nonce = JSON.stringify([oauth_timestamp, oauth_nonce, oauth_token]);
  if (oauth_nonce === "" || nonces.has(nonce)) throw new Refused("nonce_used", 401);
  nonces.set(nonce, time + window);
  return { protocol, form: Object.fromEntries(form.map(([name, value]) => [name, percentDecode(value)])) };
}
