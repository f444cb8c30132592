/**
 * Which tools a request calls, read from its body before the MCP server reads it.
 *
 * JSON-RPC 2.0 §4 and §6 (batches, which older versions of MCP have), Model Context Protocol (Tools, "Calling Tools"), RFC 8259 §4.
 * Guarantees that a body that cannot be read for certain is refused: no server behind can understand it in another way.
 */
import { invalidRequest } from "@valetkey/protocol/errors";
import { parseJson, readText } from "@valetkey/protocol/read-json";

/** Levels of nesting: what tools are given is theirs. */
const maxDepth = 1000;

export interface CalledTools {
  readonly names: readonly string[];
  /** The same request, with the body that was read. */
  readonly request: Request;
}

/** Reads the names, and with them the request's body. Throws `invalid_request`, with status 413 for more than `limit` bytes. */
export async function calledTools(request: Request, limit: number): Promise<CalledTools> {
  const { url, method, headers, signal } = request;
  const body = await readText(request, { limit });
  const message = parseJson(body, invalidRequest, maxDepth);
  const names = [message].flat().flatMap((one) => {
    const { method: called, params } = membersOf(one, ["method", "params"]);
    const { name } = membersOf(params, ["name"]);
    return called === "tools/call" && typeof name === "string" ? [name] : [];
  });
  // Made anew: a copy read beside the original would keep every piece the body came in, and a piece can be a single byte.
  return { names, request: new Request(url, { method, headers, body, signal }) };
}

/** Reads members. Parsers that do not mind capitals (Go's) would find `Method`, too: whoever writes that wants to be read in two ways. */
function membersOf(value: unknown, names: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return {};
  // There and back: letters such as the long s have a capital they share with another.
  const alike = Object.keys(value).filter((key) => names.includes(key.toUpperCase().toLowerCase()));
  if (alike.some((key) => !names.includes(key)))
    throw invalidRequest("the names in a JSON-RPC message must be in lower case");
  return value as Readonly<Record<string, unknown>>;
}
