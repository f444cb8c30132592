/**
 * Asks the token endpoint again and again until a person has decided elsewhere.
 *
 * RFC 8628 §3.5, CIBA Core §11.
 * Guarantees that it never asks faster than it was told, slows down for good when told to, backs off while the issuer is down,
 * and ends: at the answer, at the refusal, at the end of the request's life, or when the caller has had enough.
 */
import { ClientError, isClientError } from "../client-error.ts";
import { type Parameters, type TokenRequestOptions, type Tokens, tokenRequest } from "../token-request.ts";

export interface PollOptions extends TokenRequestOptions {
  /** Ends the waiting; the promise is then rejected with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Waits so many milliseconds, or rejects when the signal says so. By default with a timer. */
  readonly wait?: (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>;
}

/** Longest pause while the issuer is down, in seconds. */
const longestPause = 60;

/** Polls; `interval` in seconds, `expiresAt` in milliseconds since the epoch. */
export async function poll(
  parameters: Parameters & { readonly grant_type: string },
  request: { readonly interval: number; readonly expiresAt: number },
  options: PollOptions,
): Promise<Tokens> {
  const { signal, wait = timer, now = Date.now } = options;
  let interval = Math.max(1, request.interval);
  let pause = interval;
  for (;;) {
    if (now() + pause * 1000 >= request.expiresAt) throw expired();
    await wait(pause * 1000, signal);
    signal?.throwIfAborted();
    try {
      return await tokenRequest(parameters, options);
    } catch (error) {
      if (isClientError(error, "issuer_unavailable")) {
        // RFC 8628 §3.5: exponential backoff after a connection that failed.
        pause = Math.max(Math.min(pause * 2, longestPause), error.retryAfter ?? 0, interval);
        continue;
      }
      const answer = isClientError(error, "token_refused") ? error.error : undefined;
      if (answer === "slow_down") interval += 5;
      else if (answer === "access_denied") {
        throw new ClientError("access_denied", "the person did not allow it", { cause: error, error: answer });
      } else if (answer !== "authorization_pending") throw error;
      pause = interval;
    }
  }
}

const expired = (): ClientError =>
  new ClientError("token_refused", "nobody decided in time", { error: "expired_token" });

const timer = (milliseconds: number, signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = () => {
      clearTimeout(handle);
      reject(signal?.reason);
    };
    const handle = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
