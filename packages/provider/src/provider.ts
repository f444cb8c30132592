/**
 * createProvider: an OAuth authorization server and OpenID Provider as `Request → Response`.
 *
 * RFC 6749, OpenID Connect Core 1.0. What is composed here is a value: options are read and checked once, all mistakes
 * are reported together, and every part gets the frozen result as its first parameter.
 */
import { pathOf } from "@valetkey/protocol/node-http";
import { answerFor } from "@valetkey/protocol/text-response";
import { approvalsOf } from "./approvals-of.ts";
import { interactionsOf } from "./authorize/interaction.ts";
import { clientsOf } from "./client-registry.ts";
import { serverMetadata } from "./endpoints/discovery.ts";
import { grantsOf } from "./grants-of.ts";
import { logoutsOf } from "./logouts.ts";
import type { Provider, ProviderOptions } from "./options.ts";
import { readOptions } from "./read-options.ts";
import { answer, routesOf } from "./route.ts";
import { sessionsOf } from "./sessions.ts";
import { tokensOf } from "./tokens/read-token.ts";

export type { Provider, ProviderOptions } from "./options.ts";
export { InvalidOptions } from "./read-options.ts";

/**
 * Creates a provider. Throws `InvalidOptions`, which lists every mistake at once, and touches neither store nor keys
 * before the first request.
 *
 * ```ts
 * const provider = createProvider({ issuer: "https://id.example.com", store, keys, accounts, secret });
 * const response = await provider.handle(request);
 * ```
 */
export function createProvider(options: ProviderOptions): Provider {
  const op = readOptions(options);
  const find = routesOf(op);
  return Object.freeze({
    async handle(request, peer = {}) {
      const route = find(pathOf(request.url));
      return route && answerFor(request, await answer(op, route, request, peer));
    },
    interactions: interactionsOf(op),
    approvals: approvalsOf(op),
    logouts: logoutsOf(op),
    sessions: sessionsOf(op),
    grants: grantsOf(op),
    clients: clientsOf(op),
    tokens: tokensOf(op),
    metadata: serverMetadata(op),
    issuer: op.issuer,
  } satisfies Provider);
}
