/**
 * The structured log: one JSON line per event on standard error, for people's terminals and for collectors.
 *
 * The one property: what is secret by its name is not written, at the top or one level down, and of an error only name,
 * message, code, stack and causes, since database drivers put values of rows into the rest.
 */
import type { Log } from "@valetkey/provider/op";
import pino from "pino";
import type { LogLevel } from "./config.ts";

const secretNames = new Set([
  "password",
  "secret",
  "secrets",
  "client_secret",
  "client_assertion",
  "token",
  "access_token",
  "refresh_token",
  "id_token",
  "code",
  "code_verifier",
  "handle",
  "cookie",
  "authorization",
]);

/** Opens the log. `write` gets whole lines; standard error unless given. */
export function openLog(level: LogLevel, write?: (line: string) => void): Log {
  const destination = write ? { write } : pino.destination({ dest: 2, sync: true });
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  const line =
    (method: "debug" | "info" | "warn" | "error") =>
    (fields: Record<string, unknown>, message: string): void => {
      // What nobody will read is not even looked at: one line a request comes by here.
      if (logger.isLevelEnabled(method)) logger[method](written(fields, 1), message);
    };
  return { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };
}

/** What may be written of these, so many levels down. The same object if that is all of it: this is on the way of every request. */
function written(fields: Readonly<Record<string, unknown>>, depth: number): Readonly<Record<string, unknown>> {
  let copy: Record<string, unknown> | undefined;
  for (const name in fields) {
    const value = fields[name];
    const safe = value !== undefined && secretNames.has(name) ? "[redacted]" : plain(value, depth);
    if (safe === value) continue;
    copy ??= { ...fields };
    copy[name] = safe;
  }
  return copy ?? fields;
}

function plain(value: unknown, depth: number): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  if (value instanceof Error) return describe(value, 5);
  return depth > 0 ? written(value as Readonly<Record<string, unknown>>, depth - 1) : value;
}

/** Not called `code`: that name is a secret here. */
function describe(error: Error, depth: number): Record<string, unknown> {
  const { name, message, stack, cause } = error;
  const code = (error as { code?: unknown }).code;
  return {
    name,
    message,
    ...(typeof code === "string" ? { errorCode: code } : {}),
    stack,
    ...(cause instanceof Error && depth > 0 ? { cause: describe(cause, depth - 1) } : {}),
  };
}
