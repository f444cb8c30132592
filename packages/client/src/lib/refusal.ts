/**
 * What a provider says when it says no, as an error of ours: with the cause and the fix where they are known.
 *
 * RFC 6749 §4.1.2.1 and §5.2. Guarantees that text from outside is printable and short before it reaches a log or a page, and
 * that no secret is in any sentence.
 */
import type { ServerMetadata } from "@valetkey/protocol/metadata";
import type { ClientAuthentication } from "../client-authentication.ts";
import { ClientError, type ClientErrorCode } from "../client-error.ts";
import { type AskedFor, adviceOn } from "./known-refusals.ts";

/** Text from outside, fit for a log line and a page: printable, at most 300 characters. */
export const shown = (text: string): string => text.replace(/\p{C}/gu, " ").slice(0, 300);

/** Who asked, and what for: makes the advice specific. */
export interface Refused extends AskedFor {
  readonly client?: ClientAuthentication | undefined;
  readonly metadata?: ServerMetadata | undefined;
  readonly status?: number;
}

/** Makes an error of an answer with `error`, and perhaps `error_description`; `where` names the endpoint. */
export function refusal(
  code: ClientErrorCode,
  where: string,
  body: Readonly<Record<string, unknown>>,
  about: Refused = {},
): ClientError {
  const error = typeof body.error === "string" ? shown(body.error) : undefined;
  const error_description = typeof body.error_description === "string" ? shown(body.error_description) : undefined;
  const { client, status } = about;
  const asked = { client_id: client?.client_id, ...about };
  const known = adviceOn({ error, error_description }, asked);
  const credentials = /^(invalid_client|incorrect_client_credentials)$/.test(error ?? "") && client !== undefined;
  const advice = known.fix === undefined && credentials ? credentialsFix(client, about.metadata) : known;
  const told = [error ?? "an error without a name", error_description].filter((one) => one !== undefined).join(": ");
  const by = credentials ? ` to the client ${client.client_id} with ${client.token_endpoint_auth_method}` : "";
  return new ClientError(code, `the ${where} answered${status === undefined ? "" : ` ${status}`} ${told}${by}`, {
    error,
    error_description,
    ...advice,
  });
}

/** What may be wrong with the way a client proved itself. Says how a secret looks, never what it is. */
function credentialsFix(client: ClientAuthentication, metadata: ServerMetadata | undefined): { readonly fix: string } {
  const { client_id, token_endpoint_auth_method: used } = client;
  const announced = metadata?.token_endpoint_auth_methods_supported;
  if (announced !== undefined && !announced.includes(used)) {
    const other = announced.find((one) => one.startsWith("client_secret_")) ?? announced[0] ?? "client_secret_basic";
    return {
      fix: `${used} was used, but the provider announces only ${announced.join(", ").slice(0, 200)}: add token_endpoint_auth_method: "${other}" to the provider.`,
    };
  }
  const secret = "client_secret" in client && typeof client.client_secret === "string" ? client.client_secret : "";
  const odd = oddities(secret);
  if (odd !== undefined) return { fix: `${odd} Take it off, or compare it with what the provider shows.` };
  const other = used === "client_secret_basic" ? "client_secret_post" : "client_secret_basic";
  // RFC 6749 §2.3.1: both are form-encoded before they go into the header, which not every server undoes.
  const special = used === "client_secret_basic" && /[^\w.~-]/.test(client_id + secret);
  const also = special
    ? ` The id or the secret has characters that are encoded in the header; a server that does not decode them wants client_secret_post.`
    : "";
  return {
    fix:
      `Compare client_id ${client_id} and its secret with the registration (the secret of this very client and environment, not its id or a ` +
      `masked copy), and the registered token_endpoint_auth_method with ${used}: where it is ${other}, say so in the provider.${also}`,
  };
}

function oddities(secret: string): string | undefined {
  if (/^\s|\s$/.test(secret)) return "The client secret begins or ends with white space.";
  if (/^(["'`]).*\1$/.test(secret)) return "The client secret stands in quotation marks, which are sent along.";
  if (/%[0-9A-F]{2}/i.test(secret)) return "The client secret looks URL-encoded (it has %XX in it).";
  if (/^[*•x]{6,}$/i.test(secret)) return "The client secret looks like a masked copy.";
  return undefined;
}
