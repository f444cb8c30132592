/**
 * Opens a SQLite file to look at it, so that nothing beside it is made either.
 */

import { open, stat } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";

/** Opens the file. Throws SQLite's error. */
export async function openToLook(file: string): Promise<DatabaseSync> {
  const inUse = await stat(`${file}-wal`).catch(() => undefined);
  // With its log there, the file is read together with it. Without one nobody has it open, and an ordinary reader would make
  // an empty one.
  const url = pathToFileURL(file);
  if (!inUse) url.searchParams.set("immutable", "1");
  return new DatabaseSync(url, { readOnly: true, timeout: 5_000 });
}

/** Says whether writes go to a write-ahead log: bytes 18 and 19 of the file are 2 then (SQLite file format §1.3.3). */
export async function hasLog(file: string): Promise<boolean> {
  const handle = await open(file, "r");
  try {
    const { buffer } = await handle.read(Buffer.alloc(2), 0, 2, 18);
    return buffer[0] === 2 && buffer[1] === 2;
  } finally {
    await handle.close();
  }
}
