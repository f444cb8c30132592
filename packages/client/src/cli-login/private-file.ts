/**
 * One small file that belongs to one person: read, replaced as a whole, removed.
 *
 * RFC 9700 §4.14 (a refresh token is worth protecting), CWE-59 (links), CWE-276 (permissions), CWE-367 (check and use).
 * Guarantees that what is read was readable by nobody else and was written completely: a program that dies while it writes
 * leaves the former text.
 */
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import process from "node:process";
import { ClientError } from "../client-error.ts";

const maxLength = 1_048_576;

/**
 * Reads the text; nothing if there is no file. A file, or a folder of it, that others could have written or could read, or
 * that is a link, is `configuration_invalid` and says what to do.
 */
export async function readPrivate(file: string): Promise<string | undefined> {
  if (!(await checkFolder(dirname(file)))) return undefined;
  const handle = await openAsIs(file);
  if (handle === undefined) return undefined;
  try {
    // Of what was opened, not of the name: what stands there may be something else by now.
    const { uid, mode, size } = await handle.stat().then((stat) => (stat.isFile() ? stat : refuse(file, "is no file")));
    if (process.getuid !== undefined) {
      if (uid !== process.getuid()) refuse(file, "belongs to somebody else");
      if ((mode & 0o077) !== 0) refuse(file, `can be read by others (mode ${(mode & 0o777).toString(8)})`);
    }
    if (size > maxLength) refuse(file, "is too large");
    return await handle.readFile("utf8");
  } finally {
    await handle.close();
  }
}

/** Writes the text in place of what was there. `until`: milliseconds at which what a dead writer left may be swept away. */
export async function writePrivate(file: string, text: string, until: number): Promise<void> {
  await makeFolder(dirname(file));
  const draft = `${file}.${until}.${randomBytes(9).toString("base64url")}.tmp`;
  const handle = await open(draft, "wx", 0o600);
  try {
    try {
      await handle.writeFile(text);
      // Otherwise a power failure could leave the new name with no text behind it.
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
  } catch (error) {
    await removeFile(draft);
    throw error;
  }
}

/** Removes a file; one that is not there is as good as removed. */
export async function removeFile(file: string): Promise<void> {
  await unlink(file).catch(unlessMissing);
}

/** Makes the folder, for this person alone, and checks the one that is there already. */
export async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await checkFolder(folder);
}

/** False: there is no folder. */
async function checkFolder(folder: string): Promise<boolean> {
  const found = await lstat(folder).catch(unlessMissing);
  if (found === undefined) return false;
  if (!found.isDirectory()) refuse(folder, "is no folder");
  if (process.getuid !== undefined) {
    if (found.uid !== process.getuid()) refuse(folder, "belongs to somebody else");
    if ((found.mode & 0o022) !== 0) refuse(folder, "can be changed by others", "700");
  }
  return true;
}

async function openAsIs(file: string): Promise<FileHandle | undefined> {
  // Not through a link, and not waiting for the other end of a pipe. Windows knows neither flag and needs a look beforehand.
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  if (O_NOFOLLOW === 0 && (await lstat(file).catch(unlessMissing))?.isSymbolicLink()) refuse(file, "is a link");
  try {
    return await open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === "ELOOP") refuse(file, "is a link");
    if (codeOf(error) === "EACCES") refuse(file, "cannot be read");
    return unlessMissing(error);
  }
}

function refuse(path: string, what: string, mode = "600"): never {
  const fix = what.startsWith("can be") ? `run chmod ${mode} on it if nobody else has used it, or ` : "";
  throw new ClientError("configuration_invalid", `${path} ${what}: ${fix}delete it and sign in again`);
}

const codeOf = (error: unknown): unknown => (error as NodeJS.ErrnoException).code;

/** Gives nothing where a name leads nowhere; any other failure goes on. */
export function unlessMissing(error: unknown): undefined {
  if (codeOf(error) === "ENOENT") return undefined;
  throw error;
}
