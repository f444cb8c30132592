/**
 * Serves the RFC 9728 document as a `(req, res, next)`, for Express, Nest and bare `node:http`.
 *
 * RFC 9728 §3.1. Guarantees that a request for anything else is handed on untouched.
 */
import { type NodeRequest, type NodeResponse, sendResponse } from "@valetkey/protocol/node-http";
import type { Gate } from "./gate.ts";

export type MetadataMiddleware = (
  req: NodeRequest,
  res: NodeResponse,
  next: (error?: unknown) => unknown,
) => Promise<void>;

export function nodeMetadata(gate: Gate): MetadataMiddleware {
  return async ({ method = "GET", url = "/", originalUrl = url }, res, next) => {
    const answer = gate.metadata(method, originalUrl.split("?", 1)[0] ?? "");
    if (answer === undefined) await next();
    else await sendResponse(res, answer);
  };
}
