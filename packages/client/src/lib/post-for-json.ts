/**
 * Posts a form to an endpoint other than the token endpoint and reads the JSON object it answers with.
 *
 * RFC 6749 §5.2 (how such endpoints say no). Guarantees that only a success of the expected status is taken for one.
 */
import { readJsonObject } from "@valetkey/protocol/read-json";
import { ClientError, type ClientErrorCode } from "../client-error.ts";
import { type Parameters, postForm, type TokenRequestOptions } from "../token-request.ts";
import { endpointOf } from "./endpoint.ts";
import { insteadOfJson } from "./instead-of-json.ts";
import { refusal } from "./refusal.ts";

/** Who asks whom, without tokens in sight. */
export type EndpointOptions = Omit<TokenRequestOptions, "readTokens">;

/** What may come of it. */
export interface Outcome {
  readonly refused: ClientErrorCode;
  readonly statuses: readonly number[];
  /** What the client must be registered for to be served there. */
  readonly grant_type?: string;
}

/**
 * Posts and reads. A refusal is `refused` with the endpoint's `error`; what is neither it nor a JSON object with one of the
 * statuses is `token_response_invalid`; outages are `issuer_unavailable`.
 */
export async function postForJson(
  endpoint: string,
  parameters: Parameters,
  options: EndpointOptions,
  { refused, statuses, grant_type }: Outcome,
): Promise<Record<string, unknown>> {
  const url = endpointOf(options.metadata, endpoint, options.client);
  const { response, text } = await postForm(url, parameters, options);
  let body: Record<string, unknown>;
  try {
    body = await readJsonObject(new Response(text));
  } catch (cause) {
    const { got, fix } = insteadOfJson(response, text, cause);
    throw new ClientError("token_response_invalid", `the ${endpoint} answered ${got}, expected a JSON object`, {
      cause,
      fix,
    });
  }
  if (typeof body.error === "string") {
    const { client, metadata } = options;
    const asked = { redirect_uri: textOf(parameters.redirect_uri), scope: textOf(parameters.scope) };
    throw refusal(refused, endpoint, body, { client, metadata, status: response.status, grant_type, ...asked });
  }
  if (!statuses.includes(response.status)) throw unusable(`the ${endpoint} answered ${response.status}`);
  return body;
}

const textOf = (value: Parameters[string]) => (typeof value === "string" ? value : undefined);

/** Reads a member that must be a string of 1 to `longest` characters; anything else is `token_response_invalid`. */
export function textMember(body: Readonly<Record<string, unknown>>, name: string, longest = 4096): string {
  const value = body[name];
  if (typeof value === "string" && value !== "" && value.length <= longest) return value;
  throw unusable(`${name} is missing or not a usable string`);
}

/** Reads a number of seconds, at most `longest`; without one there must be a default. */
export function secondsMember(
  body: Readonly<Record<string, unknown>>,
  name: string,
  { longest, missing }: { readonly longest: number; readonly missing?: number },
): number {
  const value = body[name] ?? missing;
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return Math.min(value, longest);
  throw unusable(`${name} is missing or not a number of seconds`);
}

/** An answer that cannot be used. */
export const unusable = (message: string, cause?: unknown): ClientError =>
  new ClientError("token_response_invalid", message, { cause });
