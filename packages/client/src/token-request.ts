/**
 * Asks the token endpoint, as any grant type does, and reads its answer.
 *
 * RFC 6749 §3.2, §5.1 and §5.2, RFC 6750 §4, RFC 9449 §5 and §8 (proofs, and the one retry a nonce may cost).
 * Guarantees that what comes back is a complete answer of the expected type and of bounded size; that a refusal
 * (`token_refused`) and an outage (`issuer_unavailable`) are never mistaken for one another; and that nothing is sent twice,
 * but for a request the server refused to look at without a nonce.
 */
import { encodeForm } from "@valetkey/protocol/form";
import type { ServerMetadata } from "@valetkey/protocol/metadata";
import { type Fetch, readJsonObject } from "@valetkey/protocol/read-json";
import { authenticate, type ClientAuthentication } from "./client-authentication.ts";
import { ClientError } from "./client-error.ts";
import { type Dpop, proofFor, rememberNonce } from "./dpop-fetch.ts";
import { ask } from "./lib/ask.ts";
import { endpointOf } from "./lib/endpoint.ts";
import { insteadOfJson } from "./lib/instead-of-json.ts";
import { refusal } from "./lib/refusal.ts";

export type { ClientAuthentication } from "./client-authentication.ts";

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
  /** Present: the access token is bound to the key of the request. Absent: it is a Bearer token. */
  readonly token_type?: "DPoP";
  /** Present with OAuth 1.0a: what requests are signed with. */
  readonly token_secret?: string;
}

/** Who asks whom. */
export interface TokenRequestOptions {
  readonly metadata: ServerMetadata;
  readonly client: ClientAuthentication;
  readonly fetch?: Fetch;
  readonly now?: () => number;
  /** Binds the tokens to a key (RFC 9449 §5). An issuer that gives a Bearer token all the same is `token_not_bound`. */
  readonly dpop?: Dpop;
  /** Brings an answer that is not as RFC 6749 §5.1 wants it into that shape; gets it as it arrived. */
  readonly readTokens?: (answer: Record<string, unknown>) => Record<string, unknown>;
}

/** Parameters of a form; those without a value are left out, lists are repeated. */
export type Parameters = Readonly<Record<string, string | readonly string[] | undefined>>;

/** The few requests without a client (RFC 7521 §4.1) leave it out. */
type MaybeClient<T extends TokenRequestOptions> = Omit<T, "client"> & { readonly client?: ClientAuthentication };
type PostOptions = Omit<MaybeClient<TokenRequestOptions>, "readTokens"> & { readonly timeoutMs?: number };
interface Answer {
  readonly response: Response;
  readonly text: string;
}

/** Posts a form to one of the issuer's endpoints, with the client's authentication and, if there is a key, a proof. */
export async function postForm(url: string, parameters: Parameters, options: PostOptions): Promise<Answer> {
  const { metadata, client, dpop, fetch = globalThis.fetch, now = Date.now, timeoutMs } = options;
  const send = async (given?: string): Promise<Answer & { readonly next: string | undefined }> => {
    // A new assertion each time: its jti counts once.
    const proven =
      client === undefined ? undefined : await authenticate(client, { issuer: metadata.issuer, now: now() });
    const headers = new Headers({ "Content-Type": "application/x-www-form-urlencoded", Accept: "application/json" });
    for (const [name, value] of Object.entries(proven?.headers ?? {})) headers.set(name, value);
    const made = dpop && (await proofFor(dpop, { method: "POST", url, now: now(), nonce: given }));
    if (made !== undefined) headers.set("DPoP", made.proof);
    const body = encodeForm({ ...parameters, ...proven?.parameters });
    const init = { method: "POST", headers, body, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
    const answer = await ask(fetch, url, init, "token_response_invalid");
    const nonce = dpop && rememberNonce(dpop, url, answer.response, made?.nonce);
    return { ...answer, next: nonce !== undefined && (await wantsNonce(answer)) ? nonce : undefined };
  };
  const first = await send();
  return first.next === undefined ? first : send(first.next);
}

// RFC 9449 §8: 400 with the error use_dpop_nonce. Nothing was processed, so a code is not spent by asking again.
async function wantsNonce({ response, text }: Answer): Promise<boolean> {
  if (response.status !== 400 && response.status !== 401) return false;
  return (await readBody(text, response).catch(() => undefined))?.error === "use_dpop_nonce";
}

/**
 * Sends one token request. A refusal is `token_refused` with the issuer's `error`; 429, 5xx and network failures are
 * `issuer_unavailable`; a token anybody could use, where a bound one was asked for, is `token_not_bound`; anything else that is
 * no answer with a token of the expected type is `token_response_invalid`.
 */
export async function tokenRequest(
  parameters: Parameters & { readonly grant_type: string },
  options: TokenRequestOptions,
): Promise<Tokens> {
  return (await tokenAnswer(parameters, options)).tokens;
}

/** Does what `tokenRequest` does, and gives the answer too, for what a grant type adds to it. `types` in lower case. */
export async function tokenAnswer(
  parameters: Parameters & { readonly grant_type: string },
  options: MaybeClient<TokenRequestOptions>,
  types: readonly string[] = [options.dpop === undefined ? "bearer" : "dpop"],
): Promise<{ readonly tokens: Tokens; readonly answer: Readonly<Record<string, unknown>> }> {
  const url = endpointOf(options.metadata, "token_endpoint", options.client);
  const { response, text } = await postForm(url, parameters, options);
  const raw = await readBody(text, response);
  const answer = options.readTokens?.(raw) ?? raw;
  // Some services answer errors with 200.
  if (typeof answer.error === "string") {
    const { client, metadata } = options;
    const { grant_type, redirect_uri, scope } = parameters;
    const text = (value: Parameters[string]) => (typeof value === "string" ? value : undefined);
    const asked = { grant_type, redirect_uri: text(redirect_uri), scope: text(scope) };
    throw refusal("token_refused", "token endpoint", answer, { client, metadata, status: response.status, ...asked });
  }
  if (response.status !== 200) throw invalid(`the status is ${response.status}`);
  return { tokens: readTokens(answer, (options.now ?? Date.now)(), types), answer };
}

async function readBody(text: string, response: Response): Promise<Record<string, unknown>> {
  try {
    return await readJsonObject(new Response(text));
  } catch (cause) {
    const { got, fix } = insteadOfJson(response, text, cause);
    throw new ClientError("token_response_invalid", `the token endpoint answered ${got}, expected a JSON object`, {
      cause,
      fix,
    });
  }
}

function readTokens(body: Record<string, unknown>, now: number, types: readonly string[]): Tokens {
  const { access_token, token_type, expires_in, scope } = body;
  // RFC 6749 Appendix A.12: printable ASCII; a blank could not be sent in a header. RFC 6750 §2.1 allows fewer characters, but
  // the tokens of large services have others (Salesforce's `!`, Amazon's `|`).
  if (typeof access_token !== "string" || !/^[\x21-\x7e]+$/.test(access_token) || access_token.length > 16384) {
    throw invalid("access_token is missing or malformed");
  }
  // §7.1: a token of a type that is not understood must not be used.
  const type = typeof token_type === "string" ? token_type.toLowerCase() : undefined;
  // RFC 9449 §5: an issuer that does not bind tokens answers so. Whoever asked for a bound one must not settle for less.
  if (type === "bearer" && types.every((one) => one === "dpop")) {
    throw new ClientError("token_not_bound", "token_type is Bearer, and the token was asked for with a DPoP proof");
  }
  if (type === undefined || !types.includes(type)) {
    const got = type === undefined ? "missing" : /^[\w-]{1,20}$/.test(type) ? type : "something odd";
    throw invalid(`token_type is ${got}, expected ${types.join(" or ")}`);
  }
  if (expires_in !== undefined && !isSeconds(expires_in)) {
    throw invalid(
      `expires_in is ${typeof expires_in === "number" ? expires_in : `a ${typeof expires_in}`}, expected a number of seconds`,
    );
  }
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
    ...(type === "dpop" ? { token_type: "DPoP" as const } : {}),
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
