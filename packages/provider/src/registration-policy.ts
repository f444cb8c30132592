/**
 * Whether strangers may register clients, and what they get at most (RFC 7591 §3 and §5, RFC 9700 §4.15).
 *
 * Nobody may unless one of these is given to `createProvider`. Guarantees that an initial access token is spent in the
 * same commit that creates the client, so that it registers no more clients than it may.
 */
import { challenge, readBearer } from "@valetkey/protocol/authorization-header";
import { invalidClientMetadata, invalidToken, tooManyRequests } from "@valetkey/protocol/errors";
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import { createHandle } from "@valetkey/protocol/random";
import { type Change, type Store, StoreUnavailable } from "@valetkey/store";
import { findByHandle, insert, remove, replace } from "./entries.ts";
import { networkOf } from "./network.ts";
import type { Op, Peer, RegistrationPolicy } from "./op.ts";
import { roomFor } from "./registration-room.ts";
import type { SoftwareStatements } from "./software-statements.ts";

export interface RegistrationLimits {
  /** Grant types a registered client may have; `["authorization_code", "refresh_token"]` unless given. */
  readonly grant_types?: readonly string[];
  /** Seconds after which a client that never got a token is forgotten; 7 days unless given. */
  readonly unusedTtl?: number;
  /** Seconds for which a secret counts; for ever unless given. A client gets a new one when it updates itself in the second half. */
  readonly secretLifetime?: number;
  /**
   * What the `scope` is that a client registers with: the most it can ever ask for (`"limit"`, unless given), or a first wish that limits
   * nothing (`"wish"`, RFC 7591 §2 lets a server replace it): clients of MCP servers register with what they need at first. That of a
   * software statement is no more than a wish then either.
   */
  readonly scope?: "limit" | "wish";
  /** How many clients may have registered themselves at the same time, altogether; no limit unless given. */
  readonly most?: number;
  /** `softwareStatements({ issuers })`: whose word about a program counts. Nobody's unless given. */
  readonly statements?: SoftwareStatements;
}

/** Anybody may register, so many clients an hour and address (100 unless given). */
export function openRegistration(
  options: RegistrationLimits & { readonly limitPerHour?: number } = {},
): RegistrationPolicy {
  const { limitPerHour = 100 } = options;
  const limit = { attempts: limitPerHour, seconds: 3600 };
  // Requests of unknown origin share one count.
  const keyOf = (peer: Peer) => `register:${networkOf(peer.ip) ?? ""}`;
  const room = options.most === undefined ? undefined : roomFor(options.most);
  return {
    ...limitsOf(options),
    name: "open",
    async authorize(op, _request, peer) {
      await room?.check(op);
      const wait = await op.throttle.blocked(keyOf(peer), limit);
      if (wait > 0) throw tooManyRequests("too many clients were registered from this address", wait);
      return [];
    },
    // What was refused made nothing, and is not counted.
    async registered(op, peer) {
      room?.added();
      await op.throttle.failed(keyOf(peer), limit);
    },
  };
}

/** Whoever holds an initial access token made with `createInitialAccessToken` may register. */
export function tokenRegistration(options: RegistrationLimits = {}): RegistrationPolicy {
  const room = options.most === undefined ? undefined : roomFor(options.most);
  return {
    ...limitsOf(options),
    name: "token",
    async authorize(op, request) {
      const spent = await spendInitialAccess(op, request);
      await room?.check(op);
      return [spent];
    },
    registered: async () => room?.added(),
  };
}

/**
 * Makes an initial access token for `uses` clients (1 unless given), good for `lifetime` seconds (a day unless given).
 */
export async function createInitialAccessToken(
  store: Store,
  { now = Date.now(), uses = 1, lifetime = 86_400 }: { now?: number; uses?: number; lifetime?: number } = {},
): Promise<string> {
  const { id, handle, digest } = await createHandle("initial-access", now);
  const made = await store.commit([
    insert("initial-access", { id, expiresAt: now + lifetime * 1000, data: { digest, uses } }),
  ]);
  if (!made) throw new StoreUnavailable("the initial access token could not be written");
  return handle;
}

function limitsOf({
  grant_types = ["authorization_code", "refresh_token"],
  unusedTtl = 7 * 86_400,
  secretLifetime,
  statements,
  scope = "limit",
}: RegistrationLimits) {
  return {
    unusedTtl,
    ...(secretLifetime === undefined ? {} : { secretLifetime }),
    ...(statements === undefined ? {} : { statements }),
    limit(metadata: ClientMetadata): ClientMetadata {
      // A stranger's client acting on its own behalf would have scopes nobody gave it.
      const asked: unknown = metadata.grant_types ?? undefined;
      if (asked !== undefined && !(Array.isArray(asked) && asked.every((one) => typeof one === "string")))
        throw invalidClientMetadata("grant_types must be an array of strings");
      const refused = metadata.grant_types?.find((type) => !grant_types.includes(type));
      if (refused !== undefined)
        throw invalidClientMetadata(`grant_types must be among ${grant_types.join(", ")} here`);
      if (scope === "limit") return metadata;
      const { scope: _, ...unlimited } = metadata;
      return unlimited;
    },
  };
}

async function spendInitialAccess(op: Op, request: Request): Promise<Change> {
  const bearer = readBearerOrRefuse(request);
  const entry = await findByHandle(op.store, "initial-access", bearer);
  if (entry === undefined) throw refused();
  const { uses, digest } = entry.data;
  return uses > 1 ? replace(entry, { data: { digest, uses: uses - 1 } }) : remove(entry);
}

/** Reads the Bearer token of a registration request; throws 401 `invalid_token` if there is none or it is malformed. */
export function readBearerOrRefuse(request: Request): string {
  try {
    const bearer = readBearer(request);
    if (bearer !== undefined) return bearer;
  } catch {
    // Malformed is as good as none.
  }
  throw refused();
}

/** The one answer to a token that does not count: RFC 6750 §3.1. */
export function refused() {
  const description = "registration needs a valid access token";
  return invalidToken(description, {
    headers: { "WWW-Authenticate": challenge("Bearer", { error: "invalid_token", error_description: description }) },
  });
}
