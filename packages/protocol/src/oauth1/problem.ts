/**
 * Why a request of OAuth 1.0a is refused, and how that is said.
 *
 * RFC 5849 §3.2 (400 and 401) leaves the words open; these are those of the OAuth Problem Reporting extension, which libraries
 * know. RFC 9110 §11.6.1 (challenges). Guarantees that nothing a caller sent can break out of the header or the form.
 */
import { challenge } from "../authorization-header.ts";

/** Problem → status (§3.2). */
export const problems = {
  version_rejected: 400,
  parameter_absent: 400,
  parameter_rejected: 400,
  signature_method_rejected: 400,
  timestamp_refused: 401,
  nonce_used: 401,
  signature_invalid: 401,
  consumer_key_unknown: 401,
  token_rejected: 401,
  verifier_invalid: 401,
  permission_unknown: 401,
  permission_denied: 403,
} as const;

export type Problem = keyof typeof problems;

/** A request that OAuth 1.0a foresees to be refused. */
export class OAuth1Problem extends Error {
  override readonly name = "OAuth1Problem";
  readonly problem: Problem;
  readonly status: number;
  /** For whoever develops the client. */
  readonly advice: string;
  /** What the extension wants said besides, e.g. `oauth_acceptable_timestamps`. */
  readonly parameters: Readonly<Record<string, string>>;

  constructor(
    problem: Problem,
    advice: string,
    detail: {
      readonly parameters?: Readonly<Record<string, string>>;
      readonly status?: number;
      readonly cause?: unknown;
    } = {},
  ) {
    super(advice, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.problem = problem;
    this.status = detail.status ?? problems[problem];
    this.advice = advice;
    this.parameters = detail.parameters ?? {};
  }
}

/** Writes the answer to a request that was refused: a form, and the challenge of the scheme `OAuth` with its realm. */
export function problemResponse(
  { problem, advice, status, parameters }: OAuth1Problem,
  options: { readonly realm: string },
): Response {
  const said = { oauth_problem: problem, ...parameters, oauth_problem_advice: advice };
  return new Response(new URLSearchParams(said).toString(), {
    status,
    headers: {
      "Content-Type": "application/x-www-form-urlencoded",
      "Cache-Control": "no-store",
      "WWW-Authenticate": challenge("OAuth", { realm: options.realm, ...said }),
    },
  });
}
