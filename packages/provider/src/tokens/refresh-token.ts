/**
 * Makes refresh tokens (RFC 6749 §1.5 and §6, RFC 9700 §4.14.2).
 *
 * A successor is derived from the token it replaces, under the server's secret: whoever repeats the request within the
 * retry window is given the very same token although only its digest is kept. Guarantees that none outlives its grant.
 */
import { constantTimeEqual } from "@valetkey/protocol/digest";
import { invalidGrant } from "@valetkey/protocol/errors";
import { createHandle, deriveHandle, type Handle } from "@valetkey/protocol/random";
import type { Change } from "@valetkey/store";
import { find, type GrantData, insert } from "../entries.ts";
import type { RefreshBirth } from "../grants/grant-type.ts";
import type { Op } from "../op.ts";

/** What the token is for. Times in milliseconds. */
export interface RefreshToken {
  readonly birth: RefreshBirth;
  readonly grant: { readonly id: string; readonly expiresAt: number; readonly data: Pick<GrantData, "generation"> };
  readonly now: number;
}

/** Makes a token and the change that keeps it; for a repeated request the same token again, and no change. */
export async function mintRefreshToken(
  op: Op,
  refresh: RefreshToken,
): Promise<{ token: string; expiresAt: number; changes: readonly Change[] }> {
  const { birth, grant, now } = refresh;
  if (birth.kind === "again") return { ...(await sameAgain(op, birth)), changes: [] };
  const [secret] = op.secrets;
  const { id, handle, digest } =
    birth.kind === "new"
      ? await createHandle("refresh", now)
      : await deriveHandle("refresh", birth.id, secret, birth.presented);
  const { generation } = grant.data;
  const expiresAt = Math.min(grant.expiresAt, now + op.lifetimes.refreshIdle * 1000);
  const entry = insert("refresh", {
    id,
    expiresAt,
    data: {
      digest,
      grant: grant.id,
      iat: Math.floor(now / 1000),
      ...(generation === undefined ? {} : { generation }),
    },
  });
  return { token: handle, expiresAt, changes: [entry] };
}

async function sameAgain(
  op: Op,
  { id, presented }: { readonly id: string; readonly presented: string },
): Promise<{ token: string; expiresAt: number }> {
  const entry = await find(op.store, "refresh", id);
  const digest = entry?.data.digest ?? "";
  // The secret may have been rotated since: the digest tells under which one it was derived.
  for (const secret of op.secrets) {
    const made: Handle = await deriveHandle("refresh", id, secret, presented);
    if (constantTimeEqual(made.digest, digest)) return { token: made.handle, expiresAt: entry?.expiresAt ?? 0 };
  }
  throw invalidGrant("the refresh token is unknown, expired or was issued to another client");
}
