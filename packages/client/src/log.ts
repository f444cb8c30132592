/**
 * Where the client reports what happened. Never given tokens, codes, secrets or cookies.
 */

/** Structured log: fields first, then a sentence. pino and the server's log fit as they are. */
export interface Log {
  debug(fields: Record<string, unknown>, message: string): void;
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
}

/** Writes warnings and errors to the console and drops the rest: the log of whoever passed none. */
export const consoleLog: Log = {
  debug() {},
  info() {},
  warn: (fields, message) => console.warn(`[valetkey] ${message}`, fields),
  error: (fields, message) => console.error(`[valetkey] ${message}`, fields),
};
