/**
 * Asks an endpoint of an OAuth 1.0a provider for credentials, and reads its answer.
 *
 * RFC 5849 §2.1 and §2.3 (requests over TLS, answers as forms), the OAuth Problem Reporting extension (`oauth_problem`).
 * Guarantees that credentials come from the endpoint itself, complete: a redirect, another status and half an answer are errors
 * (CVE-2026-54605, CVE-2026-72887).
 */
import { isOAuthError } from "@valetkey/protocol/errors";
import { type Form, parseForm } from "@valetkey/protocol/form";
import type { Fetch } from "@valetkey/protocol/read-json";
import { ClientError } from "../client-error.ts";
import type { OAuth1Client } from "../oauth1-client.ts";
import { ask } from "./ask.ts";
import { signRequest } from "./oauth1-send.ts";
import { shown } from "./refusal.ts";
import { readSecureUrl } from "./secure-url.ts";

/** Who asks whom. */
export interface OAuth1RequestOptions {
  readonly client: OAuth1Client;
  /** Further headers, e.g. User-Agent. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly fetch?: Fetch;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** A token with its secret, and whatever else the answer said. */
export interface Credentials {
  readonly oauth_token: string;
  readonly oauth_token_secret: string;
  /** The answer as it arrived. */
  readonly parameters: Form;
}

interface Asking {
  /** Characters the token may have. */
  readonly longest: number;
  readonly token?: string;
  readonly token_secret?: string;
  readonly protocol: Readonly<Record<string, string>>;
}

/** Characters a secret may have: those of large providers have 20 to 60. */
const longestSecret = 512;

/** Posts one signed request. A refusal is `token_refused`, an unusable answer `token_response_invalid`. */
export async function askForCredentials(
  endpoint: string,
  options: OAuth1RequestOptions,
  { longest, ...asking }: Asking,
): Promise<Credentials> {
  const { client, headers = {}, fetch = globalThis.fetch, now = Date.now } = options;
  const url = readSecureUrl(endpoint, true);
  // §2.1, §2.3: the answer holds a secret in plain text.
  if (url === undefined) throw new ClientError("configuration_invalid", `an endpoint must be https, got ${endpoint}`);
  const signed = await signRequest(url, { method: "POST", headers }, { client, now, ...asking }).catch(unusable);
  const { response, text } = await ask(fetch, signed.url, signed.init, "token_response_invalid");
  const where = url.origin + url.pathname;
  if (response.status >= 400) throw refused(where, response, text);
  if (response.status !== 200) throw invalid(`${where} answered ${response.status}; redirects are not followed`);
  const parameters = readForm(text);
  const { oauth_token, oauth_token_secret } = parameters;
  if (oauth_token === undefined) throw invalid(`${where} gave no oauth_token`);
  if (oauth_token.length > longest) throw tooLong(where, "oauth_token", oauth_token, longest);
  // RSA takes no token secret; with a shared secret its absence would leave half a key.
  const needed = client.signature_method === undefined || !client.signature_method.startsWith("RSA");
  if (oauth_token_secret === undefined && needed) throw invalid(`${where} gave no oauth_token_secret`);
  const secret = oauth_token_secret ?? "";
  if (secret.length > longestSecret) throw tooLong(where, "oauth_token_secret", secret, longestSecret);
  return { oauth_token, oauth_token_secret: secret, parameters };
}

/** A key or an endpoint that nothing can be signed with is a mistake of the configuration. */
function unusable(cause: unknown): never {
  if (!(cause instanceof TypeError)) throw cause;
  throw new ClientError("configuration_invalid", cause.message, { cause });
}

function readForm(text: string): Form {
  try {
    return parseForm(text.trim());
  } catch (cause) {
    if (!isOAuthError(cause)) throw cause;
    throw new ClientError("token_response_invalid", `the answer is not a form: ${cause.description}`, { cause });
  }
}

function refused(where: string, response: Response, text: string): ClientError {
  // The reason is in the body or, with some, in the challenge; many give none.
  const challenge = response.headers.get("www-authenticate") ?? "";
  const problem = /\boauth_problem="?([\w-]{1,64})/.exec(`${text.slice(0, 4096)} ${challenge}`)?.[1];
  const advice = /\boauth_problem_advice=([^&\s"]{1,600})/.exec(text.slice(0, 4096))?.[1];
  return new ClientError("token_refused", `${where} answered ${response.status}${problem ? ` (${problem})` : ""}`, {
    error: problem,
    error_description: advice === undefined ? undefined : shown(decode(advice)),
  });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}

const tooLong = (where: string, name: string, { length }: string, longest: number): ClientError =>
  new ClientError(
    "token_response_invalid",
    `${where} gave an ${name} of ${length} characters, expected at most ${longest}`,
    {
      fix: "Compare the endpoint with the provider's documentation, and look at its answer with curl: something else answers there.",
    },
  );

const invalid = (message: string): ClientError => new ClientError("token_response_invalid", message);
