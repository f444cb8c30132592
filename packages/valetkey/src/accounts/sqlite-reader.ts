/**
 * Finds an account in the SQLite file at once, on a connection that only reads.
 *
 * A point read takes microseconds and never waits for writers (write-ahead log), so it may happen on the event loop; all
 * else goes through `sqlite-thread.ts`. What the thread acknowledged is seen by the next read here.
 */
import { openForReading } from "@valetkey/store/sqlite-file";
import type { Row } from "./tables.ts";

export interface Reader {
  find(subject: string): Row | undefined;
  close(): void;
}

/** Opens the file, which must have its tables already. */
export function openReader(file: string): Reader {
  const database = openForReading(file);
  const statement = database.prepare("select * from valetkey_account where subject = ?");
  return {
    // The columns are those of the migrations, which `tables.ts` describes.
    find: (subject) => statement.get(subject) as unknown as Row | undefined,
    close: () => database.close(),
  };
}
