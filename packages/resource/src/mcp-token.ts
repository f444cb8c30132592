/**
 * The access token of an MCP request: what it says, what it allows, and the same in the shape the MCP SDK hands to tools.
 *
 * RFC 6750 §3.1, Model Context Protocol 2026-07-28 (Authorization, "Scope Challenge Handling"). Guarantees that a challenge for more
 * asks for what is there already too: whoever asks for just what it says loses nothing.
 */
import { InsufficientScope } from "./challenge.ts";
import { metadataUrl } from "./metadata.ts";
import { alternativesOf, satisfies, type Token } from "./token.ts";

/** What tools find as `authInfo`: that of the MCP SDK, 1.x (`@modelcontextprotocol/sdk`) and 2.x (`@modelcontextprotocol/server`). */
export interface AuthInfo {
  /** The access token as it came. It is for this server: never send it on to another. */
  token: string;
  clientId: string;
  scopes: string[];
  /** Seconds since the epoch; absent if introspection did not say. */
  expiresAt?: number;
  resource: URL;
  /** Where the RFC 9728 document is: for challenges that the SDK writes. */
  resourceMetadataUrl: string;
  /** `iss`, `sub`, `principal` and all `claims`. */
  extra: Record<string, unknown>;
}

/** A checked token. */
export interface McpToken extends Token {
  readonly authInfo: AuthInfo;
  /** Tells whether all these scopes are there: `"a b"` is both. */
  has(scope: string): boolean;
  /** Throws `InsufficientScope` unless all these scopes are there. The answer to the request is then the challenge for more. */
  require(scope: string): void;
}

const ofAuthInfo = Symbol("the token of an AuthInfo");

/** Makes it of a checked token. `refuse` hears of what was required in vain. */
export function mcpToken(
  token: Token,
  { raw, resource, refuse }: { raw: string; resource: string; refuse: (error: InsufficientScope) => void },
): McpToken {
  const { iss, sub, principal, claims, client_id = "", scope, exp } = token;
  const authInfo: AuthInfo = {
    token: raw,
    clientId: client_id,
    scopes: [...scope],
    ...(exp === undefined ? {} : { expiresAt: exp }),
    resource: new URL(resource),
    resourceMetadataUrl: metadataUrl(resource),
    extra: { iss, ...(sub === undefined ? {} : { sub }), principal, claims },
  };
  const has = (needed: string) => satisfies(token, alternativesOf(needed));
  const made: McpToken = {
    ...token,
    authInfo,
    has,
    require(needed) {
      if (has(needed)) return;
      const error = new InsufficientScope([...new Set([...scope, ...alternativesOf(needed).flat()])]);
      refuse(error);
      throw error;
    },
  };
  // Not enumerable: whoever prints an AuthInfo or copies it as JSON does not meet the token again in itself.
  Object.defineProperty(authInfo, ofAuthInfo, { value: made });
  return made;
}

/**
 * Gives the token of the `authInfo` a tool was called with, for servers that are shared by requests. Anything that `protectMcp` did
 * not make is a `TypeError`.
 *
 * @example server.registerTool("share", {}, (extra) => { tokenOf(extra.authInfo).require("photos:share"); … });
 */
export function tokenOf(authInfo: object | undefined): McpToken {
  const token = (authInfo as { [ofAuthInfo]?: McpToken } | undefined)?.[ofAuthInfo];
  if (token === undefined) throw new TypeError("hand token.authInfo of protectMcp to your MCP server as authInfo");
  return token;
}
