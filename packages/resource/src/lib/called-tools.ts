/**
 * Which tools a request calls, read from its body before the MCP server reads it.
 *
 * JSON-RPC 2.0 §4 and §6 (batches, which older versions of MCP have), Model Context Protocol (Tools, "Calling Tools"). Guarantees
 * that a body that cannot be read for certain is refused: no server behind can understand it in another way.
 */
import { invalidRequest } from "@valetkey/protocol/errors";
import { readText } from "@valetkey/protocol/read-json";

/** Reads the names; the request can still be read. Throws `invalid_request`, with status 413 for more than `limit` bytes. */
export async function calledTools(request: Request, limit: number): Promise<readonly string[]> {
  const text = await readText(request.clone(), { limit });
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw invalidRequest("the body must be a JSON-RPC message");
  }
  return [body].flat().flatMap((message) => {
    const { method, params } = (message ?? {}) as { method?: unknown; params?: { name?: unknown } | null };
    return method === "tools/call" && typeof params?.name === "string" ? [params.name] : [];
  });
}
