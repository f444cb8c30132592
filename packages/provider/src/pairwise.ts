/**
 * Pairwise subjects: each sector of clients knows a person by another `sub` (OpenID Connect Core §8, Registration §5).
 *
 * Guarantees that two sectors cannot tell that they speak of the same person, that a sector sees the same `sub` for ever, and
 * that a `sub` of one sector names nobody at another.
 */
import { base64url, hmacSha256 } from "@valetkey/protocol/digest";
import { invalidClientMetadata } from "@valetkey/protocol/errors";
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import { fetchText } from "@valetkey/protocol/read-json";
import type { Client } from "./clients.ts";
import { find, insert } from "./entries.ts";
import { type MemberCheck, oneOf } from "./lib/client-members.ts";
import type { Op } from "./op.ts";
import type { Part } from "./part.ts";

/** Made by `pairwiseSubjects()`. */
export interface PairwiseSubjects extends Part {
  readonly salt: string;
}

const sectorIdentifier: MemberCheck = (value) => {
  if (typeof value !== "string" || value.length > 2048 || !URL.canParse(value) || new URL(value).protocol !== "https:")
    throw invalidClientMetadata("sector_identifier_uri must be an https URL");
  return true;
};

/**
 * Lets clients register `subject_type: "pairwise"`. `salt`: at least 32 characters that never change, or everybody becomes
 * somebody else to those clients; it is not one of the secrets that are rotated.
 */
export function pairwiseSubjects({ salt }: { readonly salt: string }): PairwiseSubjects {
  if (salt.length < 32) throw new TypeError("the salt of pairwise subjects must have at least 32 characters");
  return {
    salt,
    members: { subject_type: oneOf("public", "pairwise"), sector_identifier_uri: sectorIdentifier },
    metadata: () => ({ subject_types_supported: ["public", "pairwise"] }),
  };
}

/** The `sub` by which a client knows a person. */
export async function subjectFor(op: Pick<Op, "pairwise" | "store">, client: Client, subject: string): Promise<string> {
  if (op.pairwise === undefined || client.metadata.subject_type !== "pairwise") return subject;
  const sub = base64url(await hmacSha256(op.pairwise.salt, JSON.stringify([sectorOf(client.metadata), subject])));
  // Remembered, for the way back: what was there before says the same.
  if ((await find(op.store, "pairwise", sub)) === undefined)
    await op.store.commit([insert("pairwise", { id: sub, subject, data: {} })]);
  return sub;
}

/** Whom a client means by a `sub`; nothing if it was never given one like it. */
export async function subjectOf(
  op: Pick<Op, "pairwise" | "store">,
  client: Client,
  sub: string,
): Promise<string | undefined> {
  if (op.pairwise === undefined || client.metadata.subject_type !== "pairwise") return sub;
  const subject = (await find(op.store, "pairwise", sub))?.subject;
  // A sub of another sector is a stranger here.
  return subject !== undefined && (await subjectFor(op, client, subject)) === sub ? subject : undefined;
}

/** §8.1: the host of the sector_identifier_uri, or else of the redirect URIs. */
function sectorOf({ sector_identifier_uri, redirect_uris = [] }: ClientMetadata): string {
  const uri = sector_identifier_uri ?? redirect_uris[0] ?? "";
  return URL.canParse(uri) ? hostOf(uri) : uri;
}

/** An application with a scheme of its own (RFC 8252 §7.1) is known by that: there is no host in its URIs. */
function hostOf(uri: string): string {
  const { host, protocol } = new URL(uri);
  return host !== "" && ["https:", "http:"].includes(protocol) ? host : `${protocol}//${host}`;
}

/**
 * Checks that a client's sector is its own (§8.1, Registration §5): without a sector_identifier_uri all redirect URIs are on one
 * host; with one, the document there lists them all. Throws `invalid_client_metadata`.
 */
export async function checkSector(op: Pick<Op, "fetch" | "pairwise">, metadata: ClientMetadata): Promise<void> {
  const { sector_identifier_uri, subject_type, redirect_uris = [], jwks_uri } = metadata;
  if (op.pairwise === undefined) return;
  if (sector_identifier_uri === undefined) {
    const hosts = new Set(redirect_uris.map(hostOf));
    if (subject_type === "pairwise" && hosts.size !== 1)
      throw invalidClientMetadata("pairwise subjects need redirect_uris on one host, or a sector_identifier_uri");
    return;
  }
  const listed = await readSector(op, sector_identifier_uri);
  // CIBA Core §4: without any it is the keys that show whose client it is.
  const [own, named] = redirect_uris.length > 0 ? [redirect_uris, "all redirect_uris"] : [[jwks_uri], "the jwks_uri"];
  if (!own.every((uri) => uri !== undefined && listed.includes(uri)))
    throw invalidClientMetadata(`the document at sector_identifier_uri does not list ${named}`);
}

/** Tells whether a client that is changed would know people by other names than before, of a sector it was not in. */
export function movesTo(op: Pick<Op, "pairwise">, before: ClientMetadata, after: ClientMetadata): boolean {
  if (op.pairwise === undefined || after.subject_type !== "pairwise") return false;
  return before.subject_type !== "pairwise" || sectorOf(before) !== sectorOf(after);
}

/**
 * Checks that a stranger's client stays in the sector it registered in: otherwise it would learn by which `sub` another sector knows
 * the people whom it knows already. Throws `invalid_client_metadata`.
 */
export function checkSameSector(op: Pick<Op, "pairwise">, before: ClientMetadata, after: ClientMetadata): void {
  if (movesTo(op, before, after))
    throw invalidClientMetadata("a client with pairwise subjects stays on its host: register another one");
}

async function readSector(op: Pick<Op, "fetch">, uri: string): Promise<readonly unknown[]> {
  try {
    const { response, text } = await fetchText(op.fetch, uri, {}, { limit: 65_536, timeoutMs: 5000 });
    const listed: unknown = response.ok ? JSON.parse(text) : undefined;
    if (Array.isArray(listed)) return listed;
  } catch (cause) {
    throw invalidClientMetadata("the document at sector_identifier_uri cannot be read", { cause });
  }
  throw invalidClientMetadata("the document at sector_identifier_uri must be a JSON array");
}
