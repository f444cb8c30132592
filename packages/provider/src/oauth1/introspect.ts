/**
 * What an API learns that asks about a signed request instead of a token (RFC 5849 §3, RFC 7662 §2).
 *
 * Guarantees that the secrets a signature is checked with stay here, and that a request counts once, whoever asks about it.
 */
import { forwardedType, readForwarded } from "@valetkey/protocol/oauth1/forwarded-request";
import { OAuth1Problem } from "@valetkey/protocol/oauth1/problem";
import type { Op } from "../op.ts";
import type { ReadToken } from "../tokens/read-token.ts";
import { readSignedToken } from "./read-token.ts";

/** The token behind a request, or why there is none, with what the answer says besides. */
export interface Introspected {
  readonly read?: ReadToken;
  readonly besides: Readonly<Record<string, string>>;
}

/** Reads what is introspected as a signed request; nothing if it is none, or none are served here. */
export async function introspectSigned(op: Op, token: string): Promise<Introspected | undefined> {
  const request = op.oauth1 === undefined ? undefined : readForwarded(token);
  if (request === undefined) return undefined;
  try {
    const read = await readSignedToken(op, request, { bodyHash: "elsewhere" });
    return { read, besides: { token_type: forwardedType } };
  } catch (error) {
    if (!(error instanceof OAuth1Problem)) throw error;
    return { besides: { oauth_problem: error.problem, oauth_problem_advice: error.advice } };
  }
}
