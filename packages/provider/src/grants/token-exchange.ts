/**
 * Token exchange: one token for another, for an API further on, for somebody else to act, or for another domain (RFC 8693,
 * Identity and Authorization Chaining §2.3, ID-JAG §4.3).
 *
 * Who may have what is a policy: without one nothing is exchanged. Guarantees that what comes out is about the same person, ends
 * no later than what went in, holds no refresh token, keeps the chain of actors, and dies with the grant it came from.
 */
import { invalidRequest, invalidTarget } from "@valetkey/protocol/errors";
import { formValues } from "@valetkey/protocol/form";
import { createId } from "@valetkey/protocol/random";
import { parseScope, without } from "@valetkey/protocol/scope";
import { clientSubject } from "../claims.ts";
import type { Client } from "../clients.ts";
import { type GrantData, insert } from "../entries.ts";
import { refusedScope } from "../lib/refused-scope.ts";
import type { Awaitable, Op } from "../op.ts";
import { subjectFor } from "../pairwise.ts";
import { tokenForm } from "../resources.ts";
import { allowedScopes } from "../scopes-of.ts";
import { isSame } from "../tokens/binding.ts";
import { type ExchangedToken, readExchanged, tokenTypes } from "../tokens/exchanged-token.ts";
import type { TrustedIssuer } from "../trusted-issuers.ts";
import type { GrantType, Issuance, TokenRequest } from "./grant-type.ts";

/** What a client asks for. */
export interface ExchangeRequest {
  readonly client: Client;
  readonly subject: ExchangedToken;
  /** Who would act for the subject; `undefined`: the client itself. */
  readonly actor: ExchangedToken | undefined;
  /** The subject's token says in `may_act` that this actor may (RFC 8693 §4.4). */
  readonly mayAct: boolean;
  readonly scope: readonly string[];
  readonly resource: readonly string[];
  readonly audience: readonly string[];
}

/** What a policy allows. */
export interface Exchange {
  readonly scope: readonly string[];
  readonly resource: readonly string[];
  /** `delegation` names the actor in `act`; `impersonation` does not (RFC 8693 §1.1). */
  readonly semantics: "delegation" | "impersonation";
}

/** Decides. Nothing: refused. Throws `OAuthError` for a reason of its own. */
export type ExchangePolicy = (op: Op, request: ExchangeRequest) => Awaitable<Exchange | undefined>;

/** Another authorization server people can be asserted to (ID-JAG §4.3). */
export interface AssertionAudience {
  /** Its issuer. */
  readonly audience: string;
  /** The client's id there; nothing: this client may not go there. */
  client_id(client: Client): string | undefined;
  /** Scopes that may be asserted; none are unless given. */
  readonly scopes?: readonly string[];
}

export interface TokenExchangeOptions {
  readonly policy: ExchangePolicy;
  /** Issuers whose JWTs may be exchanged. */
  readonly issuers?: readonly TrustedIssuer[];
  /** Where identity assertions may be issued for. */
  readonly assertions?: readonly AssertionAudience[];
}

const deepest = 5;
const idJag = "urn:ietf:params:oauth:token-type:id-jag";

/** `urn:ietf:params:oauth:grant-type:token-exchange`. */
export function tokenExchange(options: TokenExchangeOptions): GrantType {
  const { assertions = [] } = options;
  return {
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    ...(assertions.length === 0
      ? {}
      : { metadata: () => ({ identity_chaining_requested_token_types_supported: [idJag] }) }),
    async redeem(op, request) {
      const { client, form, binding } = request;
      const subject = await readToken(op, options, request, "subject");
      if (subject === undefined) throw invalidRequest("subject_token is missing");
      const actor = await readToken(op, options, request, "actor");
      // RFC 9449 §7: a bound token is of no use to whoever does not hold the key.
      for (const [name, cnf] of [
        ["subject_token", subject.cnf],
        ["actor_token", actor?.cnf],
      ] as const)
        if (cnf !== undefined && !isSame(cnf, binding?.cnf))
          throw invalidRequest(`the ${name} is bound to a key that was not proved`);
      if (form.requested_token_type === idJag) return assertIdentity(options, request, subject);
      if (![undefined, tokenTypes.access_token, tokenTypes.jwt].some((one) => one === form.requested_token_type))
        throw invalidRequest("this requested_token_type is not supported");
      const asked: ExchangeRequest = {
        client,
        subject,
        actor,
        mayAct: actor !== undefined && mayAct(op, subject, actor),
        scope: parseScope(form.scope),
        resource: [...new Set(formValues(form, "resource"))],
        audience: [...new Set(formValues(form, "audience"))],
      };
      const exchange = await options.policy(op, asked);
      if (exchange === undefined) throw invalidRequest("this client may not exchange this token");
      return issuance(op, request, asked, exchange);
    },
  };
}

/**
 * The policy for APIs that call other APIs: a client may exchange its own tokens, and those meant for a resource it stands for
 * (`introspects`), for fewer scopes, at resources of ours, with itself as the actor. An actor token is needed to be allowed by `may_act`.
 */
export const onBehalf: ExchangePolicy = (op, { client, subject, actor, mayAct, scope, resource, audience }) => {
  if (actor !== undefined && !mayAct) return undefined;
  const introspects = Array.isArray(client.metadata.introspects) ? client.metadata.introspects : [];
  const isOwn = subject.client_id === client.client_id || subject.aud.some((one) => introspects.includes(one));
  if (!isOwn) return undefined;
  const targets = [...new Set([...resource, ...audience])];
  if (!targets.every((one) => op.resources.has(one))) throw invalidTarget("a target is not known here");
  const excess = without(scope, subject.scope);
  if (excess.length > 0) throw refusedScope(client, excess, "the scope asks for more than the subject_token has");
  return { scope: scope.length === 0 ? subject.scope : scope, resource: targets, semantics: "delegation" };
};

async function readToken(
  op: Op,
  { issuers = [] }: TokenExchangeOptions,
  request: TokenRequest,
  which: "subject" | "actor",
): Promise<ExchangedToken | undefined> {
  const token = request.form[`${which}_token`];
  const type = request.form[`${which}_token_type`];
  // §2.1: the type is there exactly if the token is.
  if ((token === undefined) !== (type === undefined))
    throw invalidRequest(`${which}_token and ${which}_token_type belong together`);
  if (token === undefined || type === undefined) return undefined;
  return readExchanged(op, issuers, request.client, token, type);
}

/** §4.4: the claim names the actor by issuer and subject; without issuer as its own issuer would. */
function mayAct(op: Op, { may_act, issuer }: ExchangedToken, actor: ExchangedToken): boolean {
  if (typeof may_act !== "object" || may_act === null) return false;
  const { iss = issuer, sub } = may_act as { iss?: unknown; sub?: unknown };
  if (iss === op.issuer) return sub === actor.subject;
  return iss === actor.issuer && sub !== undefined && sub === actor.sub;
}

async function issuance(op: Op, request: TokenRequest, asked: ExchangeRequest, exchange: Exchange): Promise<Issuance> {
  const { client, now } = request;
  const { subject } = asked;
  const allowed = allowedScopes(op, client);
  const scope = exchange.scope.filter((name) => allowed.has(name) && name !== "offline_access" && name !== "openid");
  const forms = new Set(exchange.resource.map((one) => tokenForm(op, [one])));
  if (forms.size > 1) throw invalidTarget("these resources need different access tokens: ask for one at a time");
  const known = exchange.resource.flatMap((one) => op.resources.get(one)?.scopes ?? []);
  const there = exchange.resource.length === 0 ? scope : scope.filter((name) => known.includes(name));
  if (there.length === 0)
    throw refusedScope(client, exchange.scope, "nothing of the subject_token's scope can be had there by this client");
  const expiresAt = Math.min(subject.expiresAt, now + op.lifetimes.access * 1000);
  const data: GrantData = {
    scope: there,
    resource: exchange.resource,
    auth_time: subject.auth_time ?? Math.floor(now / 1000),
    ...(subject.acr === undefined ? {} : { acr: subject.acr }),
    sid: createId(now),
    offline: true,
    borrowed: true,
    ...(subject.grant === undefined ? {} : { parent: subject.grant }),
    createdAt: now,
  };
  const id = createId(now);
  const act = exchange.semantics === "impersonation" ? subject.act : await actorOf(op, asked);
  return {
    changes: [insert("grant", { id, client: client.client_id, subject: subject.subject, expiresAt, data })],
    subject: subject.subject,
    grant: { id, expiresAt, data },
    scope: there,
    resource: exchange.resource,
    notAfter: subject.expiresAt,
    issued_token_type: tokenTypes.access_token,
    ...(act === undefined ? {} : { claims: { act } }),
  };
}

/** §4.1: who acts, and who acted before. A chain as long as this leads in a circle. */
async function actorOf(
  op: Op,
  { client, subject, actor }: ExchangeRequest,
): Promise<Readonly<Record<string, unknown>>> {
  let depth = 1;
  for (let act = subject.act; act !== undefined; act = act.act as typeof act) depth++;
  if (depth > deepest) throw invalidRequest(`the subject_token has passed through more than ${deepest} actors`);
  // Whoever acts is somebody here, and named as this client knows people.
  const sub = actor === undefined ? clientSubject(client.client_id) : await subjectFor(op, client, actor.subject);
  return { iss: op.issuer, sub, ...(subject.act === undefined ? {} : { act: subject.act }) };
}

/** ID-JAG §4.3: who is signed in here, said to another authorization server, for the client there. */
function assertIdentity(
  { assertions = [] }: TokenExchangeOptions,
  { client, form, now }: TokenRequest,
  subject: ExchangedToken,
): Issuance {
  const [audience, ...others] = formValues(form, "audience");
  if (audience === undefined || others.length > 0) throw invalidRequest("an identity assertion has one audience");
  const target = assertions.find((one) => one.audience === audience);
  const client_id = client.confidential ? target?.client_id(client) : undefined;
  if (target === undefined || client_id === undefined)
    throw invalidTarget("no identity is asserted to this audience for this client");
  const isOwn = subject.client_id === client.client_id;
  if (!isOwn || (subject.type !== tokenTypes.id_token && subject.type !== tokenTypes.refresh_token))
    throw invalidRequest("an identity assertion is given for an ID token or a refresh token of the client's own");
  const scope = parseScope(form.scope);
  const excess = without(scope, target.scopes ?? []);
  if (excess.length > 0) throw refusedScope(client, excess, "the scope is not one that is asserted to this audience");
  return {
    changes: [],
    scope,
    resource: [],
    id_jag: {
      subject: subject.subject,
      audience,
      client_id,
      scope,
      resource: formValues(form, "resource"),
      ...(subject.auth_time === undefined ? {} : { auth_time: subject.auth_time }),
      ...(subject.acr === undefined ? {} : { acr: subject.acr }),
      // The ID token's own end counts: it vouches for this.
      expiresAt: Math.min(now + 300_000, subject.expiresAt),
    },
  };
}
