/**
 * The version of the store's tables, one number for SQLite and PostgreSQL.
 *
 * The one property: tables that a newer version of Valetkey has changed are refused before anything is read or written.
 */

import { NewerSchema } from "./store.ts";

/** Version of the tables this version of Valetkey makes. */
export const schemaVersion = 1;

/** Throws `NewerSchema` if the tables are of a version this one does not know. `where` begins the sentence. */
export function checkSchemaVersion(found: number, where: string): void {
  if (found <= schemaVersion) return;
  throw new NewerSchema(
    `${where} was written by a newer version of Valetkey (store schema ${found}; this one knows ${schemaVersion}). ` +
      "Start the newer version, or restore a backup from before the upgrade.",
  );
}
