/**
 * What is kept for OAuth 1.0a: temporary credentials and token credentials (RFC 5849 §2).
 *
 * Like every handle their tokens are kept as digests; their secrets must be usable (§4.5) and are kept encrypted.
 */
import type { WaitingData } from "../waiting.ts";

/**
 * kind `oauth1`, id = handle id; client set: temporary credentials of OAuth 1.0a (RFC 5849 §2.1). `request` has the callback as its
 * `redirect_uri`, empty for `oob`; `interval` is 0, nobody polls.
 */
export interface TemporaryData extends WaitingData {
  /** The token and its secret with a blank between them, encrypted. */
  readonly sealed: string;
  /** Wrong verifiers; at 5 it is over. */
  readonly failures: number;
}

/** kind `oauth1-token`, id = handle id; client and subject set: token credentials of OAuth 1.0a (RFC 5849 §2.3). */
export interface SignedTokenData {
  readonly digest: string;
  /** The token's secret, encrypted. */
  readonly sealed: string;
  readonly grant: string;
  /** Seconds since the epoch. */
  readonly iat: number;
}
