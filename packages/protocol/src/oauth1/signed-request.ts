/**
 * Reads a signed request of OAuth 1.0a as the side that receives it: what it claims, and the text its signature must cover.
 *
 * RFC 5849 §3.1, §3.2 (what must be there, once), §3.3 (timestamp and nonce), §3.4 (signature), §4.2 (bodies), the OAuth Request
 * Body Hash extension (draft-eaton-oauth-bodyhash-00). Guarantees that nothing is believed before `checkSignature` returned, that
 * a timestamp is at most five minutes off, and that PLAINTEXT is read over https only.
 */
import { type Bytes, constantTimeEqual, sha256 } from "../digest.ts";
import { isOAuthError } from "../errors.ts";
import { decodeUtf8, readBytes } from "../lib/read-body.ts";
import { baseString, isSignedForm } from "./base-string.ts";
import { type EncodedPair, parsePairs, readOAuthHeader, readProtocolParameters } from "./parameters.ts";
import { OAuth1Problem } from "./problem.ts";
import { type SignatureKey, type SignatureMethod, signatureMethods, verify } from "./signature.ts";

/** Seconds a timestamp may be off. */
export const timestampWindow = 300;

const maxParameters = 200;
const maxBody = 1_048_576;
const mostPieces = 4096;
const maxUrl = 16_384;

/** How requests are read. */
export interface ReadingRules {
  /** Signature methods that are accepted. */
  readonly signatureMethods: readonly SignatureMethod[];
  /** Origin under which clients know this server, where a proxy hides it. The request's own unless given. */
  readonly origin?: string | undefined;
  /**
   * Whether a body that is no form must be signed by its hash. A signature covers no such body (RFC 5849 §4.2): `checked` lets
   * it through without a hash, and checks the hash that comes. `elsewhere`: whoever has the body has checked it.
   */
  readonly bodyHash?: "required" | "checked" | "elsewhere" | undefined;
  /** Milliseconds. */
  readonly now: number;
}

/** A request that was read, not yet believed. */
export interface SignedRequest {
  readonly client_id: string;
  readonly token: string | undefined;
  readonly signature_method: SignatureMethod;
  /** Seconds; nothing with PLAINTEXT without one. */
  readonly timestamp: number | undefined;
  readonly nonce: string | undefined;
  readonly signature: string;
  /** What the signature must cover. */
  readonly text: string;
  /** All protocol parameters, by name. */
  readonly protocol: Readonly<Record<string, string | undefined>>;
}

/** Tells whether a request is signed in the way of OAuth 1.0a: in its header, its query or its form (§3.5). Reads a copy of a form. */
export async function isOAuth1Request(request: Request): Promise<boolean> {
  if (/^oauth(?:[ \t]|$)/i.test(request.headers.get("authorization") ?? "")) return true;
  if (new URL(request.url).searchParams.has("oauth_signature")) return true;
  if (request.body === null || !isSignedForm(request.headers.get("content-type"))) return false;
  return new URLSearchParams(decodeUtf8(await readBody(request)) ?? "").has("oauth_signature");
}

/**
 * Reads a request; its body stays unread for whoever comes next. Throws `OAuth1Problem`: 400 for what is missing, repeated or not
 * supported, 401 for a timestamp that is off.
 */
export async function readSignedRequest(request: Request, rules: ReadingRules): Promise<SignedRequest> {
  const url = signedUrl(request, rules.origin);
  const isForm = isSignedForm(request.headers.get("content-type")) && request.body !== null;
  const { header, all, form } = readPairs(request, url, isForm ? await readBody(request) : undefined);
  const protocol = readParameters(all);
  const { oauth_consumer_key, oauth_signature, oauth_signature_method, oauth_version, oauth_token } = protocol;
  if (oauth_version !== undefined && oauth_version !== "1.0")
    throw new OAuth1Problem("version_rejected", "oauth_version must be 1.0", {
      parameters: { oauth_acceptable_versions: "1.0-1.0" },
    });
  checkPresent(protocol, ["oauth_consumer_key", "oauth_signature_method", "oauth_signature"]);
  const signature_method = readMethod(oauth_signature_method, url, rules.signatureMethods);
  // §3.1: with PLAINTEXT the two may be left out; one without the other says nothing.
  const timeless =
    signature_method === "PLAINTEXT" && protocol.oauth_timestamp === undefined && protocol.oauth_nonce === undefined;
  if (!timeless) checkPresent(protocol, ["oauth_timestamp", "oauth_nonce"]);
  await checkBodyHash(protocol.oauth_body_hash, request, isForm, rules.bodyHash);
  return {
    client_id: oauth_consumer_key ?? "",
    token: oauth_token,
    signature_method,
    timestamp: timeless ? undefined : readTimestamp(protocol.oauth_timestamp, rules.now),
    nonce: protocol.oauth_nonce,
    signature: oauth_signature ?? "",
    text: baseString({ method: request.method, url, protocol: header, form }),
    protocol,
  };
}

/**
 * Checks the signature with each of the keys, all of them for the request's own method: `signature_invalid` if none of them made it.
 * Whoever calls chooses the keys by who the client is registered to be, never by what the request says.
 */
export async function checkSignature({ text, signature }: SignedRequest, keys: readonly SignatureKey[]): Promise<void> {
  for (const key of keys) if (await verify(text, key, signature)) return;
  throw new OAuth1Problem("signature_invalid", "the signature does not cover this request under the client's key");
}

/** §3.4.1.2: the URL as the client sees it. Put together as text: a path that begins with two slashes names no host. */
function signedUrl(request: Request, origin: string | undefined): URL {
  const url = new URL(request.url);
  if (request.url.length > maxUrl)
    throw new OAuth1Problem("parameter_rejected", "the URL is too long", { status: 414 });
  return origin === undefined ? url : new URL(new URL(origin).origin + url.pathname + url.search);
}

function readPairs(request: Request, url: URL, body: Uint8Array | undefined) {
  try {
    const header = readOAuthHeader(request.headers.get("authorization")) ?? [];
    const form = body === undefined ? [] : parsePairs(decodeUtf8(body) ?? refuse());
    const all: EncodedPair[] = [...header, ...form, ...parsePairs(url.search.slice(1))];
    if (all.length > maxParameters) throw new OAuth1Problem("parameter_rejected", "there are too many parameters");
    return { header, all, form };
  } catch (error) {
    throw asProblem(error);
  }
}

function refuse(): never {
  throw new OAuth1Problem("parameter_rejected", "the form is not UTF-8");
}

/**
 * §3.1, §3.2: each once. §3.5 wants all of them in one place; clients that send `oauth_verifier` apart from the rest are many, and
 * wherever it is the signature covers it. An empty one counts as left out: some clients send `oauth_token=` before they have one. */
function readParameters(all: readonly EncodedPair[]): Readonly<Record<string, string | undefined>> {
  try {
    const found = Object.entries(readProtocolParameters(all)).filter(([, value]) => value !== "");
    return Object.assign(Object.create(null), Object.fromEntries(found));
  } catch (error) {
    throw asProblem(error);
  }
}

function asProblem(error: unknown): unknown {
  return isOAuthError(error) ? new OAuth1Problem("parameter_rejected", error.description) : error;
}

function checkPresent(protocol: Readonly<Record<string, string | undefined>>, names: readonly string[]): void {
  const absent = names.filter((name) => protocol[name] === undefined);
  if (absent.length > 0) throw parameterAbsent(...absent);
}

/** Says which parameters are missing. */
export function parameterAbsent(...names: readonly string[]): OAuth1Problem {
  const parameters = { oauth_parameters_absent: names.join("&") };
  return new OAuth1Problem("parameter_absent", `${names.join(", ")} must be sent`, { parameters });
}

function readMethod(name: string | undefined, url: URL, accepted: readonly SignatureMethod[]): SignatureMethod {
  // §3.4: the names are as they are, in upper case.
  const method = signatureMethods.find((one) => one === name);
  if (method === undefined || !accepted.includes(method))
    throw new OAuth1Problem(
      "signature_method_rejected",
      `oauth_signature_method must be one of ${accepted.join(", ")}`,
    );
  // §3.4.4: it shows the secrets to whoever can read along.
  if (method === "PLAINTEXT" && url.protocol !== "https:")
    throw new OAuth1Problem("signature_method_rejected", "PLAINTEXT is for https only");
  return method;
}

/** §3.3: a positive integer; one spelling each, since it is part of what makes a nonce unique. */
function readTimestamp(text: string | undefined, now: number): number {
  const seconds = Math.floor(now / 1000);
  if (text === undefined || !/^[1-9]\d{0,11}$/.test(text))
    throw new OAuth1Problem("timestamp_refused", "oauth_timestamp must be whole seconds since 1970", { status: 400 });
  const timestamp = Number(text);
  if (Math.abs(timestamp - seconds) <= timestampWindow) return timestamp;
  throw new OAuth1Problem("timestamp_refused", "oauth_timestamp is too far from the time here: is the clock right?", {
    parameters: { oauth_acceptable_timestamps: `${seconds - timestampWindow}-${seconds + timestampWindow}` },
  });
}

/** Reads a copy: the body is left for whoever answers. */
async function readBody(request: Request): Promise<Bytes> {
  if (request.body === null) return new Uint8Array();
  const tooLarge = () =>
    new OAuth1Problem("parameter_rejected", `the body is larger than ${maxBody} bytes or in too many pieces`, {
      status: 413,
    });
  const broken = (message: string) => new OAuth1Problem("parameter_rejected", message);
  return new Uint8Array(await readBytes(request.clone(), maxBody, { tooLarge, broken }, mostPieces));
}

/** §4.1 of the extension. Its hash is SHA-1; with the newer methods some send SHA-256: the length tells which. */
async function checkBodyHash(
  sent: string | undefined,
  request: Request,
  isForm: boolean,
  rule: ReadingRules["bodyHash"],
): Promise<void> {
  if (sent === undefined) {
    const hasBody = request.body !== null && request.headers.get("content-length") !== "0";
    if (rule === "required" && hasBody && !isForm) throw parameterAbsent("oauth_body_hash");
    return;
  }
  if (rule === "elsewhere") return;
  if (isForm) throw new OAuth1Problem("parameter_rejected", "oauth_body_hash is not for forms: they are signed anyway");
  const body = await readBody(request);
  const hash = sent.length === 44 ? await sha256(body) : await sha1(body);
  if (!constantTimeEqual(btoa(String.fromCharCode(...hash)), sent))
    throw new OAuth1Problem("signature_invalid", "oauth_body_hash is not the hash of the body");
}

const sha1 = async (bytes: Bytes): Promise<Bytes> => new Uint8Array(await crypto.subtle.digest("SHA-1", bytes));
