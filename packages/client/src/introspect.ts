/**
 * Asks the issuer what a token is worth at this moment.
 *
 * RFC 7662 §2.1 and §2.2.
 * Guarantees that a token counts as active only if the issuer said so in so many words.
 */
import type { IntrospectionResponse } from "@valetkey/protocol/metadata";
import { type EndpointOptions, postForJson, unusable } from "./lib/post-for-json.ts";

export interface Introspection extends EndpointOptions {
  readonly token: string;
  readonly token_type_hint?: "access_token" | "refresh_token";
}

/**
 * Introspects a token. Nothing but `active` may be relied on if it is false. A refusal to answer is `token_refused`, an answer
 * without a boolean `active` is `token_response_invalid`.
 */
export async function introspectToken(introspection: Introspection): Promise<IntrospectionResponse> {
  const { token, token_type_hint } = introspection;
  const outcome = { refused: "token_refused", statuses: [200] } as const;
  const body = await postForJson("introspection_endpoint", { token, token_type_hint }, introspection, outcome);
  // "true" is a string, and a string is no answer.
  if (typeof body.active !== "boolean") throw unusable("the introspection answer has no boolean active");
  return body as unknown as IntrospectionResponse;
}
