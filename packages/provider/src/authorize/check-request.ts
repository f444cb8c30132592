/**
 * Checks an authorization request whose target is trusted: one ordered list, the first complaint is the answer.
 *
 * RFC 6749 §4.1.1, RFC 7636 §4.3 and §4.4.1, RFC 8707 §2, RFC 9101 §10.5, RFC 9126 §5, RFC 9396 §5, RFC 9449 §10, OpenID Connect Core §3.1.2.1, §5.5, §6 and §7.2.1.
 * Guarantees that what comes out asks for nothing the client may not have, and that every length in it is bounded.
 */
import {
  invalidRequest,
  invalidScope,
  invalidTarget,
  registrationNotSupported,
  requestNotSupported,
  requestUriNotSupported,
  unauthorizedClient,
  unsupportedResponseType,
} from "@valetkey/protocol/errors";
import { type Form, formValues } from "@valetkey/protocol/form";
import { checkChallenge } from "@valetkey/protocol/pkce";
import { parseScope } from "@valetkey/protocol/scope";
import { readDetails } from "../authorization-details.ts";
import type { Client } from "../clients.ts";
import type { AuthorizationRequest } from "../entries.ts";
import { readGrantAction } from "../grant-management.ts";
import { verifyHint } from "../id-token-hint.ts";
import { refusedScope } from "../lib/refused-scope.ts";
import type { Op } from "../op.ts";
import { subjectOf } from "../pairwise.ts";
import { canonicalResponseType, holds } from "../response-types.ts";
import { allowedScopes, knownScopes } from "../scopes-of.ts";
import { isRequired } from "../tokens/binding.ts";
import { checkClaims } from "./check-claims.ts";
import type { Target } from "./trusted-target.ts";

/** How the request came. */
export interface Arrived {
  readonly pushed: boolean;
  /** In an object that the client signed. */
  readonly signed: boolean;
}

/** Checks the request and gives what is kept of it. Every complaint is an `OAuthError` to be sent to the target. */
export async function checkRequest(
  op: Op,
  target: Target,
  form: Form,
  arrived: Arrived = { pushed: false, signed: false },
): Promise<AuthorizationRequest> {
  const { client, redirect_uri, redirect_uri_sent, mode, state } = target;
  // draft-ietf-oauth-client-id-metadata-document-03 §6: a document that offers no way we have of authenticating.
  if (client.methods.length === 0)
    throw unauthorizedClient("the client authenticates in no way that is supported here (token_endpoint_auth_method)");
  checkSupported(form);
  checkArrival(op, client, arrived);
  const response_type = checkResponseType(op, client, form.response_type);
  checkLength("nonce", form.nonce, 512);
  checkNonce(response_type, form.nonce);
  const code_challenge = holds(response_type, "code") ? checkPkce(op, client, form) : undefined;
  const prompt = checkPrompt(op, form.prompt);
  const { hint_subject: subject, ...asked } = await checkAsked(op, client, form);
  const hint_subject = (await checkHint(op, client, form.id_token_hint)) ?? subject;
  if (subject !== undefined && subject !== hint_subject)
    throw invalidRequest("claims and id_token_hint name two persons");
  checkLength("login_hint", form.login_hint, 256);
  const dpop_jkt = checkThumbprint(op, form.dpop_jkt);
  const grant_management = await readGrantAction(op, client, form);
  return defined({
    ...asked,
    client_id: client.client_id,
    redirect_uri,
    redirect_uri_sent,
    response_type,
    response_mode: mode.response_mode,
    state,
    nonce: form.nonce,
    code_challenge,
    prompt,
    login_hint: form.login_hint,
    hint_subject,
    dpop_jkt,
    grant_management,
  });
}

/** What a client asks for, wherever it asks. */
export type Asked = Pick<
  AuthorizationRequest,
  "scope" | "resource" | "authorization_details" | "max_age" | "claims" | "hint_subject" | "acr" | "ui_locales"
>;

/**
 * Checks what a client asks for: the same for a browser, for a device, and in the backchannel. `hint_subject` is the person whom
 * `claims` names. Throws `OAuthError`.
 */
export async function checkAsked(op: Op, client: Client, form: Form): Promise<Asked> {
  const resource = checkResource(op, client, form);
  const scope = checkScope(op, client, form.scope, resource);
  const authorization_details = readDetails(op, client, form.authorization_details);
  if (scope.length === 0 && authorization_details === undefined) throw invalidScope("scope is missing");
  const max_age = checkMaxAge(form.max_age) ?? client.metadata.default_max_age;
  const { claims, subject, acr } = checkClaims(op, form.claims);
  // Nobody, rather than somebody else, if this client was never told such a sub.
  const hint_subject = subject === undefined ? undefined : ((await subjectOf(op, client, subject)) ?? "");
  checkLength("acr_values", form.acr_values, 512);
  const ui_locales = readLocales(form.ui_locales);
  return defined({
    scope,
    resource,
    authorization_details,
    max_age,
    claims,
    hint_subject,
    acr: acr ?? wantedAcr(form.acr_values, client),
    ui_locales,
  });
}

// Ignoring these would answer another question than the client asked.
export function checkSupported(form: Form): void {
  if (form.request !== undefined) throw requestNotSupported("request objects are not supported here");
  if (form.request_uri !== undefined) throw requestUriNotSupported("request_uri is not supported here");
  if (form.registration !== undefined)
    throw registrationNotSupported("the registration parameter is not supported here");
}

function checkArrival(op: Op, { metadata }: Client, { pushed, signed }: Arrived): void {
  // RFC 9126 §5 and §6.
  if (!pushed && (op.push?.required === true || (op.push && metadata.require_pushed_authorization_requests === true)))
    throw invalidRequest("the request must be pushed: send it to the pushed_authorization_request_endpoint first");
  // RFC 9101 §10.5.
  const { requestObjects } = op;
  if (
    !signed &&
    (requestObjects?.required === true || (requestObjects && metadata.require_signed_request_object === true))
  )
    throw invalidRequest("the request must be signed: send it as a request object");
}

function checkResponseType(op: Op, client: Client, sent: string | undefined): string {
  const { grant_types = ["authorization_code"], response_types = ["code"] } = client.metadata;
  if (sent === undefined) throw invalidRequest("response_type is missing");
  const response_type = canonicalResponseType(sent);
  if (!op.responseTypes.has(response_type))
    throw unsupportedResponseType(`the response_type is not supported: use ${[...op.responseTypes.keys()].join(", ")}`);
  const registered = response_types.map(canonicalResponseType);
  const needed = [
    ...(holds(response_type, "code") ? ["authorization_code"] : []),
    ...(holds(response_type, "id_token") || holds(response_type, "token") ? ["implicit"] : []),
  ];
  if (!needed.every((one) => grant_types.includes(one)) || !registered.includes(response_type))
    throw unauthorizedClient("this client is not registered for this response_type");
  // RFC 9449 §5.2, RFC 8705 §3.4: what goes through a redirect is bound to nothing.
  if (holds(response_type, "token") && isRequired(op, client))
    throw unauthorizedClient("tokens of this client are bound to a key, which a token in a redirect cannot be");
  return response_type;
}

// OpenID Connect Core §3.2.2.1 and §3.3.2.11: an ID token that passes through the browser must be tied to the request.
function checkNonce(response_type: string, nonce: string | undefined): void {
  if (holds(response_type, "id_token") && nonce === undefined) throw invalidRequest("nonce is missing");
}

function checkPkce(op: Op, client: Client, { code_challenge, code_challenge_method, nonce }: Form): string | undefined {
  const sent = code_challenge !== undefined || code_challenge_method !== undefined;
  if (!sent && !op.pkce({ client, nonce })) return undefined;
  checkChallenge(code_challenge, code_challenge_method);
  return code_challenge;
}

function checkResource(op: Op, client: Client, form: Form): string[] {
  const asked = [...new Set(formValues(form, "resource"))];
  if (asked.length === 0 && op.resourceIndicators({ client }))
    throw invalidTarget("resource is missing: say what the tokens are for");
  if (!asked.every((one) => op.resources.has(one))) throw invalidTarget("a resource is not known here");
  return asked;
}

function checkScope(op: Op, client: Client, scope: string | undefined, resource: readonly string[]): string[] {
  const allowed = allowedScopes(op, client);
  const asked = parseScope(scope);
  // RFC 6749 §3.3: without scope there is a default where it is plain, all scopes of the resource that is named, or an error.
  const names = scope === undefined ? resource.flatMap((one) => op.resources.get(one)?.scopes ?? []) : asked;
  const known = knownScopes(op);
  const unknown = names.filter((name) => !known.has(name));
  if (unknown.length > 0) throw refusedScope(client, unknown, "a scope is not known here");
  // OpenID Connect Core §11: offline_access means nothing without openid.
  const granted = [...new Set(names)].filter(
    (name) => allowed.has(name) && (name !== "offline_access" || names.includes("openid")),
  );
  if (granted.length === 0 && scope !== undefined)
    throw refusedScope(client, names, "this client may have none of the scopes");
  return granted;
}

function checkPrompt(op: Op, prompt: string | undefined): string[] {
  const values = [...new Set((prompt ?? "").split(" ").filter((value) => value !== ""))];
  const known = promptsOf(op);
  if (!values.every((value) => known.includes(value))) throw invalidRequest("prompt has a value that is not supported");
  if (values.includes("none") && values.length > 1) throw invalidRequest("prompt=none goes with no other value");
  return values;
}

function checkMaxAge(max_age: string | undefined): number | undefined {
  if (max_age === undefined) return undefined;
  if (!/^\d{1,9}$/.test(max_age)) throw invalidRequest("max_age must be a number of seconds");
  return Number(max_age);
}

async function checkHint(op: Op, client: Client, token: string | undefined): Promise<string | undefined> {
  if (token === undefined) return undefined;
  const hint = await verifyHint(op, token);
  // A forged hint, or one meant for somebody else, selects nobody.
  if (hint === undefined || !hint.audiences.includes(client.client_id)) {
    throw invalidRequest("id_token_hint is not an ID token issued to this client");
  }
  return hint.subject;
}

// RFC 9449 §10: a SHA-256 thumbprint.
function checkThumbprint({ bindings }: Op, jkt: string | undefined): string | undefined {
  // RFC 6749 §3.1: whoever takes no proofs does not know the parameter, and holds nobody to it.
  if (!bindings.some(({ binding }) => binding === "dpop")) return undefined;
  if (jkt !== undefined && !/^[\w-]{43}$/.test(jkt))
    throw invalidRequest("dpop_jkt must be the SHA-256 thumbprint of a key");
  return jkt;
}

// Core §3.1.2.1: a wish, in order of preference. RFC 7591 clients may have registered one (Registration §2).
function wantedAcr(acr_values: string | undefined, { metadata }: Client): AuthorizationRequest["acr"] {
  const values = acr_values?.split(" ").filter((value) => value !== "") ?? metadata.default_acr_values ?? [];
  return values.length === 0 ? undefined : { values: values.slice(0, 20), essential: false };
}

function checkLength(name: string, value: string | undefined, most: number): void {
  if (value !== undefined && value.length > most) throw invalidRequest(`${name} is longer than ${most} characters`);
}

// Core §3.1.2.1: an unsupported locale is no error. What is no language tag at all is dropped here, so no page meets it.
function readLocales(locales: string | undefined): string | undefined {
  const tags = (locales ?? "").split(" ", 20).filter((tag) => /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$/.test(tag));
  return tags.length === 0 ? undefined : tags.join(" ");
}

/** Values of `prompt` there is a page for. */
export const promptsOf = (op: Pick<Op, "pages">): readonly string[] => [
  "none",
  "login",
  "consent",
  "select_account",
  // Initiating User Registration via OpenID Connect §4.
  ...(op.pages.create === undefined ? [] : ["create"]),
];

/** Leaves out members without a value, as entries hold them. */
function defined<T extends object>(request: T): { [Name in keyof T]: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined)) as {
    [Name in keyof T]: Exclude<T[Name], undefined>;
  };
}
