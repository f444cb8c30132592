/**
 * Starts a whole server: listener, store, directory, keys, clients of the configuration, pages, and the work in between.
 *
 * The one property: `startServer` resolves when requests are answered, and rejects with nothing left open otherwise.
 */
import type { Log } from "@valetkey/provider/op";
import type { Config } from "./config.ts";
import { applyClients } from "./config-clients.ts";
import { createServer } from "./create-server.tsx";
import { type Limits, type Listener, listen } from "./listen.ts";
import { openLog } from "./log.ts";
import { openParts, type Parts } from "./open.ts";
import { readSettings, type Settings } from "./settings.ts";

export interface RunningServer {
  readonly issuer: string;
  readonly port: number;
  /** Where the first account is made: while there is none. Works once. */
  readonly setupUrl?: string;
  /** Stops accepting, finishes what is under way (at most 10 s), closes the database. */
  close(): Promise<void>;
}

/**
 * What of a server's work a process does. `whole`: all of it. `maintain`: it answers and looks after the store and the keys, but
 * another has brought in the clients of the configuration and announced the first account. `answer`: it only answers.
 */
export type Part = "whole" | "maintain" | "answer";

export interface StartOptions {
  readonly log?: Log;
  readonly limits?: Partial<Limits>;
  /** `whole` unless told. */
  readonly part?: Part;
}

const maintainEvery = 60_000;

/**
 * Starts a server with this configuration; environment and files are not looked at. Rejects with `ConfigError`,
 * `DatabaseUnusable`, `NewerSchema`, the provider's `KeysUnreadable`, or the listener's error (`EADDRINUSE`).
 *
 * ```ts
 * const server = await startServer({ issuer: "http://localhost:0", port: 0, database: "file:./data/test.db" });
 * ```
 */
export async function startServer(config: Config, options: StartOptions = {}): Promise<RunningServer> {
  const given = Object.entries(config).filter(([, value]) => value !== undefined);
  const { settings } = readSettings(new Map(given.map(([key, value]) => [key, { value, origin: "startServer" }])));
  return startWith(settings, options);
}

/** Starts a server with settings that were read and checked. */
export async function startWith(settings: Settings, options: StartOptions = {}): Promise<RunningServer> {
  const { host, port, trustedProxies } = settings;
  const log = options.log ?? openLog(settings.log.level);
  const limits = options.limits ?? {};
  // First of all: a port in use must not cost a migration, and the issuer may depend on the port.
  const listener = await listen({ host, port, trustedProxies, log, limits });
  const issuer = settings.issuer.replace(/^(http:\/\/[^/]+):0(?=\/|$)/, `$1:${listener.port}`);
  let parts: Parts | undefined;
  try {
    parts = await openParts({ ...settings, issuer }, log);
    return await answer(listener, parts, settings, log, options.part ?? "whole");
  } catch (error) {
    await listener.close();
    await parts?.close();
    throw error;
  }
}

async function answer(
  listener: Listener,
  parts: Parts,
  settings: Settings,
  log: Log,
  part: Part,
): Promise<RunningServer> {
  const { store, directory, keys, options } = parts;
  const { brand, helpUrl } = settings;
  const server = await createServer({
    ...options,
    brand: {
      ...(brand.name === undefined ? {} : { name: brand.name }),
      ...(brand.accent === undefined ? {} : { accent: brand.accent }),
    },
    ...(helpUrl === undefined ? {} : { helpUrl }),
  });
  if (part === "whole") await applyClients(settings.clients, server.provider.clients, log);
  const setupUrl =
    part === "whole" && (await directory.empty())
      ? `${options.issuer.replace(/\/$/, "")}/setup?token=${await directory.createSetupToken()}`
      : undefined;
  const stopMaintaining =
    part === "answer" ? undefined : every(maintainEvery, log, "maintain", () => server.maintain());
  listener.answerWith({
    origin: options.issuer,
    handle: server.handle,
    notFound: server.notFound,
    async ready() {
      await store.get("client", "ready");
      await directory.find("ready");
      return (await keys.published()).keys.length > 0;
    },
  });
  let closing: Promise<void> | undefined;
  return {
    issuer: options.issuer,
    port: listener.port,
    ...(setupUrl === undefined ? {} : { setupUrl }),
    close() {
      closing ??= (async () => {
        await listener.close();
        await stopMaintaining?.();
        await parts.close();
      })();
      return closing;
    },
  };
}

/** Does something now and then, never twice at once; a failure is logged and it goes on. Gives what stops it. */
function every(interval: number, log: Log, name: string, work: () => Promise<unknown>): () => Promise<void> {
  let running: Promise<void> | undefined;
  const turn = async () => {
    try {
      await work();
    } catch (error) {
      log.warn({ event: `${name}.failed`, error }, "work in the background failed and will be tried again");
    }
  };
  const timer = setInterval(() => {
    running ??= turn().finally(() => {
      running = undefined;
    });
  }, interval);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await running;
  };
}
