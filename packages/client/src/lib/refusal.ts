/**
 * What an endpoint says when it says no, as an error of ours.
 *
 * RFC 6749 §5.2. Guarantees that text from outside is printable and short before it reaches a log or a page.
 */
import { ClientError, type ClientErrorCode } from "../client-error.ts";

/** Text from outside, fit for a log line and a page: printable, at most 300 characters. */
export const shown = (text: string): string => text.replace(/\p{C}/gu, " ").slice(0, 300);

/** Makes an error of an answer with `error`, and perhaps `error_description`; `where` names the endpoint. */
export function refusal(code: ClientErrorCode, where: string, body: Readonly<Record<string, unknown>>): ClientError {
  const { error, error_description } = body;
  const name = typeof error === "string" ? shown(error) : undefined;
  return new ClientError(code, `the ${where} answered ${name ?? "an error without a name"}`, {
    error: name,
    error_description: typeof error_description === "string" ? shown(error_description) : undefined,
  });
}
