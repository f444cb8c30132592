/**
 * A document of somebody else's that is fetched when it is first needed and kept a while, such as an issuer's metadata.
 *
 * OpenID Connect Discovery §4, RFC 8414 §3.
 * Guarantees that one question is asked at a time, that an outage is bridged with the former document for a day, and that a document
 * which turns out to be wrong is refused at once, however good the former was.
 */

/** Milliseconds: after `fresh` it is asked for again, up to `stale` it is used while there is no answer. */
const fresh = 600_000;
const stale = 24 * 3_600_000;
/** Least time between two questions after a failure, so that a crowd does not ask a dead server once each. */
const pause = 1_000;
/** Milliseconds whoever asks again after a failure waits for the answer, if the former document can stand in. */
const patience = 250;

export interface DocumentPorts<T> {
  /** Fetches and checks it; what this throws, the caller gets. */
  readonly read: () => Promise<T>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Tells an outage from a document that is wrong. */
  readonly isOutage: (error: unknown) => boolean;
  /** Told that a failure was bridged with the former document, or that a wrong one was refused. */
  readonly failed?: (error: unknown, how: "bridged" | "refused") => void;
}

/** Gives a function that gives the document. */
export function keepDocument<T>({ read, now, isOutage, failed }: DocumentPorts<T>): () => Promise<T> {
  let known: { readonly document: T; readonly at: number } | undefined;
  let failure: { readonly error: unknown; readonly at: number } | undefined;
  let pending: Promise<T> | undefined;

  async function refresh(): Promise<T> {
    try {
      const document = await read();
      known = { document, at: now() };
      failure = undefined;
      return document;
    } catch (error) {
      failure = { error, at: now() };
      return former(error);
    }
  }

  // Only an outage is bridged: whoever changed its name, or its endpoints to unsafe ones, is an alarm.
  function former(error: unknown): T {
    if (!isOutage(error)) {
      known = undefined;
      failed?.(error, "refused");
      throw error;
    }
    if (known === undefined || now() - known.at >= stale) throw error;
    failed?.(error, "bridged");
    return known.document;
  }

  return async () => {
    if (known !== undefined && now() - known.at < fresh) return known.document;
    if (failure !== undefined && now() - failure.at < pause) return former(failure.error);
    const isUnderWay = pending !== undefined;
    pending ??= refresh().finally(() => {
      pending = undefined;
    });
    if (failure === undefined || known === undefined || !isOutage(failure.error)) return pending;
    // One has waited in vain. Who comes now does not, while the next attempt is under way; who begins it waits a moment, for an
    // answer that comes at once may say that the former document is wrong.
    const { error } = failure;
    pending.catch(() => undefined);
    return isUnderWay ? former(error) : within(patience, pending, () => former(error));
  };
}

/** What a promise gives, or, if it takes longer than so many milliseconds, something else. */
function within<T>(milliseconds: number, promise: Promise<T>, otherwise: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      try {
        resolve(otherwise());
      } catch (error) {
        reject(error);
      }
    }, milliseconds);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
