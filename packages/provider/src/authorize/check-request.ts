/**
 * Checks an authorization request whose target is trusted: one ordered list, the first complaint is the answer.
 *
 * RFC 6749 §4.1.1, RFC 7636 §4.3 and §4.4.1, RFC 8707 §2, RFC 9101 §4, OpenID Connect Core §3.1.2.1, §5.5, §6 and §7.2.1.
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
import type { Client } from "../clients.ts";
import type { AuthorizationRequest } from "../entries.ts";
import { verifyHint } from "../id-token-hint.ts";
import type { Op } from "../op.ts";
import { allowedScopes, knownScopes } from "../scopes-of.ts";
import type { Target } from "./trusted-target.ts";

const prompts = ["none", "login", "consent", "select_account"];

/** Checks the request and gives what is kept of it. Every complaint is an `OAuthError` to be sent to the target. */
export async function checkRequest(op: Op, target: Target, form: Form): Promise<AuthorizationRequest> {
  const { client, redirect_uri, redirect_uri_sent, state } = target;
  checkSupported(form);
  checkResponseType(client, form.response_type);
  checkLength("nonce", form.nonce, 512);
  const code_challenge = checkPkce(op, client, form);
  const resource = checkResource(op, form);
  const scope = checkScope(op, client, form.scope, resource);
  const prompt = checkPrompt(form.prompt);
  const max_age = checkMaxAge(form.max_age) ?? client.metadata.default_max_age;
  const hint_subject = await checkHint(op, client, form.id_token_hint);
  checkClaims(form.claims);
  checkLength("login_hint", form.login_hint, 256);
  checkLength("acr_values", form.acr_values, 512);
  const ui_locales = readLocales(form.ui_locales);
  return defined({
    client_id: client.client_id,
    redirect_uri,
    redirect_uri_sent,
    response_type: "code",
    response_mode: "query",
    scope,
    state,
    nonce: form.nonce,
    code_challenge,
    prompt,
    max_age,
    login_hint: form.login_hint,
    hint_subject,
    ui_locales,
    acr_values: form.acr_values,
    resource,
  });
}

// Ignoring these would answer another question than the client asked.
function checkSupported(form: Form): void {
  if (form.request !== undefined) throw requestNotSupported("request objects are not supported here");
  if (form.request_uri !== undefined) throw requestUriNotSupported("request_uri is not supported here");
  if (form.registration !== undefined)
    throw registrationNotSupported("the registration parameter is not supported here");
  if (form.authorization_details !== undefined) throw invalidRequest("authorization_details is not supported here");
}

function checkResponseType({ metadata }: Client, response_type: string | undefined): void {
  const { grant_types = ["authorization_code"], response_types = ["code"] } = metadata;
  if (response_type === undefined) throw invalidRequest("response_type is missing");
  if (response_type !== "code") throw unsupportedResponseType("only the response_type code is supported");
  if (!grant_types.includes("authorization_code") || !response_types.includes("code")) {
    throw unauthorizedClient("this client is not registered for the authorization code grant");
  }
}

function checkPkce(op: Op, client: Client, { code_challenge, code_challenge_method, nonce }: Form): string | undefined {
  const sent = code_challenge !== undefined || code_challenge_method !== undefined;
  if (!sent && !op.pkce({ client, nonce })) return undefined;
  checkChallenge(code_challenge, code_challenge_method);
  return code_challenge;
}

function checkResource(op: Op, form: Form): string[] {
  const asked = [...new Set(formValues(form, "resource"))];
  if (!asked.every((one) => op.resources.has(one))) throw invalidTarget("a resource is not known here");
  return asked;
}

function checkScope(op: Op, client: Client, scope: string | undefined, resource: readonly string[]): string[] {
  const allowed = allowedScopes(op, client);
  const asked = parseScope(scope);
  // RFC 6749 §3.3: without scope there is a default where it is plain, all scopes of the resource that is named, or an error.
  const names = scope === undefined ? resource.flatMap((one) => op.resources.get(one)?.scopes ?? []) : asked;
  const known = knownScopes(op);
  if (!names.every((name) => known.has(name))) throw invalidScope("a scope is not known here");
  // OpenID Connect Core §11: offline_access means nothing without openid.
  const granted = [...new Set(names)].filter(
    (name) => allowed.has(name) && (name !== "offline_access" || names.includes("openid")),
  );
  if (granted.length === 0) {
    throw invalidScope(scope === undefined ? "scope is missing" : "this client may have none of the scopes");
  }
  return granted;
}

function checkPrompt(prompt: string | undefined): string[] {
  const values = [...new Set((prompt ?? "").split(" ").filter((value) => value !== ""))];
  if (!values.every((value) => prompts.includes(value)))
    throw invalidRequest("prompt has a value that is not supported");
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

// Core §5.5: discovery says claims_parameter_supported false, so it is ignored; what is not even an object is a mistake.
function checkClaims(claims: string | undefined): void {
  if (claims === undefined) return;
  let value: unknown;
  try {
    value = JSON.parse(claims);
  } catch {
    // Not JSON, or nested too deeply for the parser.
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalidRequest("claims must be a JSON object");
  }
}

function checkLength(name: string, value: string | undefined, most: number): void {
  if (value !== undefined && value.length > most) throw invalidRequest(`${name} is longer than ${most} characters`);
}

// Core §3.1.2.1: an unsupported locale is no error. What is no language tag at all is dropped here, so no page meets it.
function readLocales(locales: string | undefined): string | undefined {
  const tags = (locales ?? "").split(" ", 20).filter((tag) => /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$/.test(tag));
  return tags.length === 0 ? undefined : tags.join(" ");
}

/** Leaves out members without a value, as entries hold them. */
function defined(request: { [Name in keyof AuthorizationRequest]: AuthorizationRequest[Name] | undefined }) {
  return Object.fromEntries(
    Object.entries(request).filter(([, value]) => value !== undefined),
  ) as unknown as AuthorizationRequest;
}
