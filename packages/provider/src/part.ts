/**
 * What a value in one of the provider's lists brings with it beside its own name: URLs, members of the metadata document,
 * members of client metadata (RFC 8414 §2, RFC 7591 §2).
 *
 * Guarantees that whatever is served, announced or accepted at registration is so because a value in a list says it.
 */
import type { ServerMetadata } from "@valetkey/protocol/metadata";
import type { GrantData } from "./entries.ts";
import type { MemberCheck } from "./lib/client-members.ts";
import type { EndpointName, Op, Peer } from "./op.ts";

/** A URL of the provider. */
export interface Endpoint {
  readonly name: EndpointName;
  readonly methods: readonly string[];
  /**
   * Who calls it: `page` people look at it and errors are pages; `script` programs of any origin may, no cookies are involved
   * (CORS); `server` programs without a browser.
   */
  readonly who: "page" | "script" | "server";
  /** It answers for one level below its own path instead, `<path>/<something>`. */
  readonly below?: true;
  /** Answers. What it throws becomes an answer in `route.ts`. */
  run(op: Op, request: Request, peer: Peer): Promise<Response>;
}

/** What a refresh token stands on. Times in milliseconds. */
export interface RefreshState {
  readonly grant: { readonly id: string; readonly expiresAt: number; readonly data: GrantData };
  readonly refreshUntil: number;
  readonly now: number;
}

export interface Part {
  readonly endpoints?: readonly Endpoint[];
  /** Members of the metadata document this value stands for. Lists under the same name are joined. */
  metadata?(op: Op): Partial<ServerMetadata>;
  /** Client metadata that has a meaning because of this value. */
  readonly members?: Readonly<Record<string, MemberCheck>>;
  /** Scopes that exist because of this value, with words for the consent page. */
  readonly scopes?: Readonly<Record<string, string>>;
  /** Further members of a token response that a person stands behind (RFC 6749 §5.1). Without a refresh token no `refreshUntil`. */
  tokenResponse?(
    op: Op,
    issued: Omit<RefreshState, "refreshUntil"> & { readonly refreshUntil: number | undefined },
  ): Readonly<Record<string, unknown>>;
  /** Further members of what introspection says of a refresh token (RFC 7662 §2.2). */
  refreshState?(op: Op, state: RefreshState): Readonly<Record<string, unknown>>;
  /** Works on the metadata document as a whole, before it is sent. */
  document?(op: Op, metadata: ServerMetadata): Promise<ServerMetadata>;
}

/** A part that is in no other list: `extensions`. */
export interface Extension extends Part {
  readonly extension: string;
}

/** Joins what the parts announce; lists under one name become one list. */
export function announced(op: Op): Partial<ServerMetadata> {
  const all: Record<string, unknown> = {};
  for (const part of op.parts) {
    for (const [name, value] of Object.entries(part.metadata?.(op) ?? {})) {
      const before = all[name];
      all[name] = Array.isArray(before) && Array.isArray(value) ? [...new Set([...before, ...value])] : value;
    }
  }
  return all;
}
