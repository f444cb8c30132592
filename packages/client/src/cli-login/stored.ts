/**
 * What is remembered of a sign-in, and how it gets into the file and out of it.
 *
 * RFC 9700 §4.14. Guarantees that only one program at a time changes it, and that a file which says something else than was
 * written here counts as none.
 */
import type { User } from "../auth.ts";
import type { Tokens } from "../token-request.ts";
import { inTurn, leaseTime } from "./file-lock.ts";
import { readPrivate, removeFile, writePrivate } from "./private-file.ts";
import type { Terminal } from "./terminal.ts";

/** An access token. Milliseconds since the epoch. */
export type HeldToken = Pick<Tokens, "access_token" | "obtainedAt" | "expiresAt">;

export interface Stored {
  readonly version: 1;
  readonly issuer: string;
  readonly client_id: string;
  /** Asked for when the person signed in. */
  readonly scope: string;
  readonly resource: readonly string[];
  readonly user: User;
  readonly refresh_token?: string;
  /** By resource; `""` is the token of the sign-in itself. */
  readonly access: Readonly<Record<string, HeldToken>>;
}

/** The part of an answer that is kept for one resource. */
export const heldOf = ({ access_token, obtainedAt, expiresAt }: Tokens): HeldToken => ({
  access_token,
  obtainedAt,
  ...(expiresAt === undefined ? {} : { expiresAt }),
});

/** Finds what is remembered. A file that is not safe is `configuration_invalid`. */
export async function findStored(terminal: Terminal): Promise<Stored | undefined> {
  return read(terminal, await readPrivate(terminal.file));
}

function read({ issuer, client }: Terminal, text: string | undefined): Stored | undefined {
  const stored = text === undefined ? undefined : parse(text);
  return stored?.issuer === issuer && stored.client_id === client.client_id ? stored : undefined;
}

/** Remembers a sign-in, in place of any former one. */
export async function keepStored(terminal: Terminal, stored: Stored): Promise<void> {
  await changeStored(terminal, async () => ({ keep: stored, give: undefined }));
}

/** What a change leads to: something new to remember, nothing any more (`forget`), or the same; and what it gives its caller. */
export type Changed<T> = { readonly give: T } & ({ readonly keep?: Stored } | { readonly forget: true });

/** Reads, and changes what is there, while no other program does. */
export async function changeStored<T>(
  terminal: Terminal,
  change: (stored: Stored | undefined) => Promise<Changed<T>>,
): Promise<T> {
  const { file, now } = terminal;
  return inTurn(file, now, async () => {
    const before = await readPrivate(file);
    const changed = await change(read(terminal, before));
    // A computer that slept while it had the turn has lost it: what others wrote since then stands.
    if ((await readPrivate(file)) !== before) return changed.give;
    if ("forget" in changed) await removeFile(file);
    else if (changed.keep !== undefined) {
      await writePrivate(file, `${JSON.stringify(changed.keep, undefined, 2)}\n`, now() + leaseTime);
    }
    return changed.give;
  });
}

function parse(text: string): Stored | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isStored(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isStored(value: unknown): value is Stored {
  if (!isObject(value) || value.version !== 1) return false;
  const { issuer, client_id, scope, resource, user, refresh_token, access } = value;
  return (
    [issuer, client_id, scope].every((one) => typeof one === "string") &&
    Array.isArray(resource) &&
    isObject(user) &&
    typeof user.sub === "string" &&
    isObject(user.claims) &&
    (refresh_token === undefined || typeof refresh_token === "string") &&
    isObject(access) &&
    Object.values(access).every(isHeld)
  );
}

const isHeld = (value: unknown): boolean =>
  isObject(value) &&
  typeof value.access_token === "string" &&
  typeof value.obtainedAt === "number" &&
  (value.expiresAt === undefined || typeof value.expiresAt === "number");

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
