/**
 * Leaves a provider that does not answer alone for a while, longer each time, and never asks it too much at once.
 *
 * RFC 9110 §10.2.3 (Retry-After), RFC 6585 §4 (429).
 * Guarantees that one kind of request says nothing about another: anybody can start sign-ins, and what the provider says to too
 * many of them must not stop the refreshes of those who are signed in.
 */
import { ClientError, isClientError } from "../client-error.ts";

/** Longest wait in milliseconds between two requests to a provider that does not answer. */
const longest = 30_000;

/** How one kind of request fares at one provider. */
export interface BackOff {
  /** Throws `issuer_unavailable` while a request would only add to an outage. */
  check(): void;
  /** Notes how a request went: an outage makes the next ones wait, longer each time. */
  answered(error?: unknown): void;
  /** Checks, sends and notes. More than `atOnce` under way are `issuer_unavailable` too, and say nothing about the provider. */
  send<T>(request: () => Promise<T>): Promise<T>;
}

/** `atOnce` requests of this kind may be under way in this process. */
export function createBackOff(issuer: string, now: () => number, atOnce = Number.POSITIVE_INFINITY): BackOff {
  let outage: { readonly count: number; readonly until: number } | undefined;
  let underWay = 0;

  const check = () => {
    if (outage === undefined || now() >= outage.until) return;
    const retryAfter = Math.ceil((outage.until - now()) / 1000);
    throw new ClientError("issuer_unavailable", `${issuer} did not answer; it is left alone for now`, {
      retryAfter,
      fix: "The lines before this one say why it did not answer. It is asked again by itself.",
    });
  };

  const answered = (error?: unknown) => {
    if (!isClientError(error, "issuer_unavailable")) {
      outage = undefined;
      return;
    }
    const count = (outage?.count ?? 0) + 1;
    // Half of the wait is random: processes that failed together do not come back together.
    const wait = Math.min(500 * 2 ** Math.min(count, 10), longest) * (0.5 + Math.random() / 2);
    outage = { count, until: now() + Math.max(wait, (error.retryAfter ?? 0) * 1000) };
  };

  return {
    check,
    answered,
    async send(request) {
      check();
      if (underWay >= atOnce) {
        throw new ClientError("issuer_unavailable", `${underWay} requests to ${issuer} are under way already`, {
          retryAfter: 1,
          fix: "Either the provider is slow, or something starts sign-ins one after another: limit /auth/login per address in front of the application.",
        });
      }
      underWay += 1;
      try {
        const answer = await request();
        answered();
        return answer;
      } catch (e) {
        answered(e);
        throw e;
      } finally {
        underWay -= 1;
      }
    },
  };
}

/** Requests a process has under way that anybody can cause, without being signed in. */
export const departuresAtOnce = 32;
