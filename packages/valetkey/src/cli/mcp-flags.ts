/**
 * `serve --mcp`: a server for an MCP server, without a configuration file.
 *
 * Model Context Protocol 2026-07-28 (Authorization), RFC 8707 §2, RFC 9728. The one property: what a configuration says besides, the other
 * resources included, stays as it is.
 */
import { isLoopbackHost } from "@valetkey/protocol/loopback";
import { InvalidArgumentError } from "commander";
import type { Settings, Sourced } from "../settings.ts";

/** The scope an MCP server's tokens have where none is named. */
export const usualMcpScope = "mcp";

/** A scope, and words for the consent page. */
export interface McpScope {
  readonly scope: string;
  readonly words?: string;
}

/** Reads `--mcp`: https, or http on loopback, for tokens go there (RFC 9728 §1.2: no fragment). */
export function mcpUrl(value: string): string {
  const { protocol, hostname } = URL.canParse(value) ? new URL(value) : { protocol: "", hostname: "" };
  if ((protocol !== "https:" && !(protocol === "http:" && isLoopbackHost(hostname))) || value.includes("#"))
    throw new InvalidArgumentError("It must be a URL, https or on this machine, like http://localhost:3000/mcp.");
  return value;
}

/** Collects `--mcp-scope`: `photos:read`, or `photos:read=See your photos`. */
export function mcpScope(value: string, before: readonly McpScope[] = []): McpScope[] {
  const [, scope = "", words] = /^([^=]*)(?:=(.*))?$/s.exec(value) ?? [];
  // RFC 6749 §3.3: scope-token.
  if (!/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope) || words === "")
    throw new InvalidArgumentError(
      'It must be one scope, or one with words for people: "photos:read=See your photos".',
    );
  return [...before, { scope, ...(words === undefined ? {} : { words }) }];
}

/** Adds what `--mcp` means to what was configured: the profile, the resource and its scopes. */
export function withMcp(
  given: ReadonlyMap<string, Sourced>,
  url: string,
  scopes: readonly McpScope[],
): ReadonlyMap<string, Sourced> {
  const origin = "--mcp";
  const others = given.get("resources")?.value ?? [];
  // What is no list is reported as the mistake it is.
  if (!Array.isArray(others)) return given;
  const kept = others.filter((one) => (one as { resource?: unknown } | null)?.resource !== url);
  const resource = { resource: url, scopes: scopes.map(({ scope }) => scope), tokens: "at+jwt" };
  const words = Object.fromEntries(scopes.flatMap((one) => (one.words === undefined ? [] : [[one.scope, one.words]])));
  const all = new Map(given);
  all.set("profile", { value: "mcp", origin });
  all.set("resources", { value: [...kept, resource], origin });
  if (Object.keys(words).length > 0) {
    const before = given.get("scopes")?.value;
    all.set("scopes", { value: { ...(typeof before === "object" ? before : {}), ...words }, origin: "--mcp-scope" });
  }
  return all;
}

/** What there is to paste: the guard of the MCP server, and its URL for clients. `registration`: the setting. */
export function mcpLines(
  issuer: string,
  url: string,
  scopes: readonly McpScope[],
  registration: Settings["registration"],
): string[][] {
  const [first] = scopes;
  const options = `{ issuer: "${issuer}", resource: "${url}", scope: "${first?.scope ?? ""}" }`;
  // Clients with a document need nothing from us; those of before it register (RFC 7591).
  const others = registration === "open" ? "" : "; those that register themselves: --registration open";
  return [
    ["  MCP server", `protectMcp(${options}, (request, token) => …)   from @valetkey/resource/mcp`],
    ["  MCP clients", `${url}   (that is all they need${others})`],
  ];
}
