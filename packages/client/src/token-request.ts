/**
 * Asks the token endpoint, as any grant type does, and reads its answer.
 *
 * RFC 6749 §2.3.1 (client authentication), §3.2, §5.1 and §5.2, RFC 6750 §4.
 * Guarantees that what comes back is a complete Bearer answer of bounded size; that a refusal (`token_refused`) and an outage
 * (`issuer_unavailable`) are never mistaken for one another; and that nothing is sent twice.
 */
import { basicHeader } from "@valetkey/protocol/authorization-header";
import { encodeForm } from "@valetkey/protocol/form";
import type { ServerMetadata } from "@valetkey/protocol/metadata";
import { type Fetch, readJsonObject } from "@valetkey/protocol/read-json";
import { ClientError } from "./client-error.ts";
import { ask } from "./lib/ask.ts";

/** How the client proves who it is. */
export type ClientAuthentication =
  | {
      readonly client_id: string;
      readonly client_secret: string;
      readonly token_endpoint_auth_method: "client_secret_basic" | "client_secret_post";
    }
  | { readonly client_id: string; readonly token_endpoint_auth_method: "none" };

/** Tokens as they arrived. Times in milliseconds since the epoch. */
export interface Tokens {
  readonly access_token: string;
  readonly obtainedAt: number;
  /** Absent: the issuer did not say. */
  readonly expiresAt?: number;
  readonly refresh_token?: string;
  readonly id_token?: string;
  /** Absent: what was asked for (RFC 6749 §5.1). */
  readonly scope?: string;
}

/** Who asks whom. */
export interface TokenRequestOptions {
  readonly metadata: ServerMetadata;
  readonly client: ClientAuthentication;
  readonly fetch?: Fetch;
  readonly now?: () => number;
}

type Parameters = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Posts a form to one of the issuer's endpoints, with the client's authentication. */
export async function postForm(
  url: string,
  parameters: Parameters,
  options: Pick<TokenRequestOptions, "client" | "fetch"> & { readonly timeoutMs?: number },
): Promise<{ readonly response: Response; readonly text: string }> {
  const { client, fetch = globalThis.fetch, timeoutMs } = options;
  const headers = new Headers({ "Content-Type": "application/x-www-form-urlencoded", Accept: "application/json" });
  let form = parameters;
  if (client.token_endpoint_auth_method === "client_secret_basic") {
    headers.set("Authorization", basicHeader(client.client_id, client.client_secret));
  } else if (client.token_endpoint_auth_method === "client_secret_post") {
    form = { ...parameters, client_id: client.client_id, client_secret: client.client_secret };
  } else {
    form = { ...parameters, client_id: client.client_id };
  }
  const init = { method: "POST", headers, body: encodeForm(form), ...(timeoutMs === undefined ? {} : { timeoutMs }) };
  return ask(fetch, url, init, "token_response_invalid");
}

/**
 * Sends one token request. A refusal is `token_refused` with the issuer's `error`; 429, 5xx and network failures are
 * `issuer_unavailable`; anything else that is no Bearer answer is `token_response_invalid`.
 */
export async function tokenRequest(
  parameters: Parameters & { readonly grant_type: string },
  options: TokenRequestOptions,
): Promise<Tokens> {
  const { token_endpoint } = options.metadata;
  if (token_endpoint === undefined) throw new ClientError("metadata_invalid", "there is no token_endpoint");
  const { response, text } = await postForm(token_endpoint, parameters, options);
  const body = await readBody(text, response.status);
  // Some services answer errors with 200.
  if (typeof body.error === "string") throw refused(body.error, body.error_description);
  if (response.status !== 200) throw invalid(`the status is ${response.status}`);
  return readTokens(body, (options.now ?? Date.now)());
}

async function readBody(text: string, status: number): Promise<Record<string, unknown>> {
  try {
    return await readJsonObject(new Response(text));
  } catch (cause) {
    throw new ClientError("token_response_invalid", `the answer (status ${status}) is not a JSON object`, { cause });
  }
}

function readTokens(body: Record<string, unknown>, now: number): Tokens {
  const { access_token, token_type, expires_in, scope } = body;
  // RFC 6750 §2.1: b64token. Anything else could not be sent in a header.
  if (typeof access_token !== "string" || !/^[A-Za-z0-9._~+/-]+=*$/.test(access_token) || access_token.length > 16384) {
    throw invalid("access_token is missing or malformed");
  }
  // §7.1: a token of a type that is not understood must not be used.
  if (typeof token_type !== "string" || token_type.toLowerCase() !== "bearer")
    throw invalid("token_type is not Bearer");
  if (expires_in !== undefined && !isSeconds(expires_in)) throw invalid("expires_in is not a number of seconds");
  if (scope !== undefined && typeof scope !== "string") throw invalid("scope is not a string");
  const refresh_token = readText(body, "refresh_token");
  const id_token = readText(body, "id_token");
  return {
    access_token,
    obtainedAt: now,
    ...(expires_in === undefined ? {} : { expiresAt: now + expires_in * 1000 }),
    ...(refresh_token === undefined ? {} : { refresh_token }),
    ...(id_token === undefined ? {} : { id_token }),
    ...(scope === undefined ? {} : { scope }),
  };
}

function readText(body: Record<string, unknown>, name: string): string | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string" && value !== "" && value.length <= 32768) return value;
  throw invalid(`${name} is not a usable string`);
}

const isSeconds = (value: unknown): value is number =>
  typeof value === "number" && Number.isFinite(value) && value >= 0 && value <= 2 ** 31;

const invalid = (message: string): ClientError => new ClientError("token_response_invalid", message);

function refused(error: string, description: unknown): ClientError {
  const shown = (text: string) => text.replace(/\p{C}/gu, " ").slice(0, 300);
  return new ClientError("token_refused", `the token endpoint answered ${shown(error)}`, {
    error: shown(error),
    error_description: typeof description === "string" ? shown(description) : undefined,
  });
}
