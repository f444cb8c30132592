/**
 * Opens what a server and the command line share: store, directory, signing keys, and the options of the provider.
 *
 * The one property: either everything is open, or nothing is and the error says which part would not open.
 */

import { createKeys, type ManagedKeys } from "@valetkey/provider/keys";
import type { Lifetimes, Log, RegistrationPolicy } from "@valetkey/provider/op";
import type { ProviderOptions } from "@valetkey/provider/options";
import { openRegistration, tokenRegistration } from "@valetkey/provider/registration-policy";
import { NewerSchema, type OpenStore } from "@valetkey/store";
import { postgresStore } from "@valetkey/store/postgres";
import { sqliteStore } from "@valetkey/store/sqlite";
import { openDirectory } from "./accounts/accounts.ts";
import { readDatabaseUrl } from "./accounts/database.ts";
import type { Directory } from "./accounts/directory.ts";
import { signingKeys } from "./config-checks.ts";
import { guardedFetch } from "./guarded-fetch.ts";
import { oauth1Of } from "./oauth1-setting.ts";
import { documentsOf } from "./outbound-setting.ts";
import { composed } from "./profile-setting.ts";
import { madeSecret } from "./secret-file.ts";
import { isLoopbackHttp, type Settings } from "./settings.ts";

/** Connections to PostgreSQL that the store of one process opens at most. */
export const storeConnections = 10;

/** The database could not be opened; `cause` says why. */
export class DatabaseUnusable extends Error {
  override readonly name = "DatabaseUnusable";
}

export interface Parts {
  readonly store: OpenStore;
  readonly directory: Directory;
  readonly keys: ManagedKeys;
  /** What `createProvider` and `createServer` both take. */
  readonly options: Omit<ProviderOptions, "accounts" | "secret" | "session" | "pages" | "errorPage" | "throttle"> & {
    readonly accounts: Directory;
    readonly secret: readonly string[];
  };
  close(): Promise<void>;
}

/** Opens everything. Rejects with `DatabaseUnusable`, `NewerSchema`, or the error of the file that keeps the secret. */
export async function openParts(settings: Settings, log: Log): Promise<Parts> {
  const secret = settings.secret ?? [await madeSecret(settings.database)];
  const store = await unlessUnusable(openStore(settings.database));
  let directory: Directory;
  try {
    directory = await unlessUnusable(openDirectory({ database: settings.database, store }));
  } catch (error) {
    await store.close();
    throw error;
  }
  const keys = createKeys({ store, secret, log, ...signingKeys(settings) });
  const { clientIdDocuments: ofProfile, ...parts } = composed(settings, { directory, log });
  const registration = registrationOf(settings);
  const oauth1 = oauth1Of(settings.oauth1);
  return {
    store,
    directory,
    keys,
    options: {
      ...parts,
      issuer: settings.issuer,
      store,
      keys,
      accounts: directory,
      secret,
      scopes: settings.scopes,
      resources: settings.resources,
      acrs: settings.acrs,
      lifetimes: { ...parts.lifetimes, ...(withoutUndefined(settings.lifetimes) as Partial<Lifetimes>) },
      log,
      fetch: guardedFetch({ ...settings.outbound, loopback: isLoopbackHttp(settings.issuer) }),
      ...documentsOf(settings.clientIdDocuments, settings.outbound, ofProfile),
      ...(oauth1 === undefined ? {} : { oauth1 }),
      ...(settings.pkce === undefined ? {} : { pkce: settings.pkce }),
      ...(registration === undefined ? {} : { registration }),
    },
    async close() {
      await directory.close();
      await store.close();
    },
  };
}

function openStore(database: string): Promise<OpenStore> {
  const place = readDatabaseUrl(database);
  if (!place) throw new TypeError("The database is written as file:<path> or postgres://user:password@host/name.");
  return place.kind === "sqlite"
    ? sqliteStore({ file: place.file })
    : postgresStore({ url: place.url, connections: storeConnections });
}

async function unlessUnusable<T>(opening: Promise<T>): Promise<T> {
  try {
    return await opening;
  } catch (cause) {
    if (cause instanceof NewerSchema) throw cause;
    throw new DatabaseUnusable(`The database cannot be opened: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
}

function registrationOf({ registration, profile }: Settings): RegistrationPolicy | undefined {
  if (registration === "off") return undefined;
  // The SDK of MCP registers a client with the scope of the first challenge; it is to ask for more later.
  const limits = profile === "mcp" ? ({ scope: "wish" } as const) : {};
  return registration === "open" ? openRegistration(limits) : tokenRegistration(limits);
}

function withoutUndefined(values: Readonly<Record<string, number | undefined>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== undefined),
  );
}
