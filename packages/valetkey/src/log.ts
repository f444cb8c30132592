/**
 * The structured log: one JSON line per event on standard error, for people's terminals and for collectors.
 *
 * The one property: what is secret by its name is not written, at the top or one level down, and of an error only name,
 * message, code, stack and causes, since database drivers put values of rows into the rest.
 */
import type { Log } from "@valetkey/provider/op";
import pino from "pino";
import type { LogLevel } from "./config.ts";

const secretNames = [
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
];

/** Opens the log. `write` gets whole lines; standard error unless given. */
export function openLog(level: LogLevel, write?: (line: string) => void): Log {
  const destination = write ? { write } : pino.destination({ dest: 2, sync: true });
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretNames.flatMap((name) => [name, `*.${name}`]), censor: "[redacted]" },
    },
    destination,
  );
  const line =
    (method: "debug" | "info" | "warn" | "error") =>
    (fields: Record<string, unknown>, message: string): void => {
      // What nobody will read is not even looked at: one line a request comes by here.
      if (logger.isLevelEnabled(method)) logger[method](plainErrors(fields), message);
    };
  return { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };
}

function plainErrors(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, value instanceof Error ? describe(value, 5) : value]),
  );
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
