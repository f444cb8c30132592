/**
 * Asks the issuer for claims about the person who signed in.
 *
 * OpenID Connect Core §5.3 and §5.3.2.
 * Guarantees that the answer is about the subject of the ID token; any other is thrown away whole.
 */
import type { ServerMetadata } from "@valetkey/protocol/metadata";
import { type Fetch, readJsonObject } from "@valetkey/protocol/read-json";
import { ClientError } from "./client-error.ts";
import { ask } from "./lib/ask.ts";

export interface UserinfoRequest {
  readonly metadata: ServerMetadata;
  readonly access_token: string;
  /** `sub` of the verified ID token. */
  readonly sub: string;
  readonly fetch?: Fetch;
}

/**
 * Fetches the claims; nothing if the issuer has no userinfo endpoint. Another person's are `userinfo_subject_mismatch`,
 * an answer that is no JSON object is `userinfo_invalid`.
 */
export async function fetchUserinfo(request: UserinfoRequest): Promise<Record<string, unknown> | undefined> {
  const { metadata, access_token, sub, fetch = globalThis.fetch } = request;
  const { userinfo_endpoint } = metadata;
  if (userinfo_endpoint === undefined) return undefined;
  const headers = { Authorization: `Bearer ${access_token}`, Accept: "application/json" };
  const { response, text } = await ask(fetch, userinfo_endpoint, { headers }, "userinfo_invalid");
  if (response.status !== 200) throw new ClientError("userinfo_invalid", `the status is ${response.status}`);
  let claims: Record<string, unknown>;
  try {
    claims = await readJsonObject(new Response(text));
  } catch (cause) {
    throw new ClientError("userinfo_invalid", "the answer is not a JSON object", { cause });
  }
  // §5.3.2: sub must be there and match exactly, otherwise nothing in the answer may be used.
  if (typeof claims.sub !== "string") throw new ClientError("userinfo_invalid", "the answer has no sub");
  if (claims.sub !== sub) {
    throw new ClientError("userinfo_subject_mismatch", "sub is not the one of the ID token");
  }
  return claims;
}
