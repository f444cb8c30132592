/**
 * The JWT bearer grant: an assertion of an issuer we trust becomes an access token (RFC 7523 §2.1 and §3, RFC 7521 §4.1), also
 * as the second half of identity chaining, and for identity assertions of an enterprise (ID-JAG §4.4).
 *
 * Order: signature and issuer, for this client, the person is known, key, scope, spent last. Guarantees that an assertion counts
 * once, that it gives no refresh token, and no more than the client may have and the issuer said.
 */
import { invalidGrant, invalidRequest, unauthorizedClient } from "@valetkey/protocol/errors";
import { createId } from "@valetkey/protocol/random";
import { parseScope, without } from "@valetkey/protocol/scope";
import { findAccount } from "../claims.ts";
import type { Client } from "../clients.ts";
import { type GrantData, insert } from "../entries.ts";
import { refusedScope } from "../lib/refused-scope.ts";
import type { Awaitable, Op } from "../op.ts";
import { spendOnce } from "../replay.ts";
import { chooseAudience } from "../resources.ts";
import { allowedScopes } from "../scopes-of.ts";
import { bindingMistake, bindingOfGrant } from "../tokens/binding.ts";
import { endOf, type TrustedAssertion, type TrustedIssuer, verifyTrusted } from "../trusted-issuers.ts";
import type { GrantType, TokenRequest } from "./grant-type.ts";

export interface JwtBearerOptions {
  readonly issuers: readonly TrustedIssuer[];
  /** The scopes an assertion may give this client at most; all the client may have unless given. */
  readonly scopes?: (assertion: TrustedAssertion, client: Client) => Awaitable<readonly string[]>;
}

/** `urn:ietf:params:oauth:grant-type:jwt-bearer`. */
export function jwtBearer({ issuers, scopes }: JwtBearerOptions): GrantType {
  const takesIdJag = issuers.some(({ accepts }) => accepts?.includes("id-jag"));
  return {
    grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
    ...(takesIdJag
      ? { metadata: () => ({ authorization_grant_profiles_supported: ["urn:ietf:params:oauth:grant-profile:id-jag"] }) }
      : {}),
    async redeem(op, request) {
      const { form, client, now, binding } = request;
      if (form.assertion === undefined) throw invalidRequest("assertion is missing");
      const trusted = await verifyTrusted(op, issuers, form.assertion);
      checkClient(trusted, request);
      const { subject, claims, from } = trusted;
      if ((await findAccount(op, subject)) === undefined)
        throw invalidGrant("the assertion is refused: its subject is nobody here");
      const wrongKey = bindingMistake(confirmationOf(trusted), binding);
      if (wrongKey !== undefined) throw wrongKey;

      const most = scopes === undefined ? [...allowedScopes(op, client)] : await scopes(trusted, client);
      const scope = chooseScope(op, client, trusted, most, form.scope);
      const resource = resourcesOf(op, trusted, scope);
      // ID-JAG §4.4, RFC 7521 §4.1: whoever wants more asks the issuer again.
      const expiresAt = now + op.lifetimes.access * 1000;
      const spent = await spendOnce(op, ["assertion", from.issuer, claims.jti ?? ""], endOf(claims));
      if (spent === undefined) throw invalidGrant("the assertion was used before");
      const data: GrantData = {
        scope,
        resource,
        auth_time: typeof claims.auth_time === "number" ? claims.auth_time : Math.floor(now / 1000),
        sid: createId(now),
        offline: true,
        borrowed: true,
        createdAt: now,
        ...bindingOfGrant(client, binding),
      };
      const id = createId(now);
      return {
        changes: [spent, insert("grant", { id, client: client.client_id, subject, expiresAt, data })],
        subject,
        grant: { id, expiresAt, data },
        ...chooseAudience(op, form, data),
      };
    },
  };
}

/** ID-JAG §4.4.1: it names the client, which must prove to be it. */
function checkClient({ kind, claims }: TrustedAssertion, { client }: TokenRequest): void {
  if (kind === "assertion") return;
  if (!client.confidential) throw unauthorizedClient("an identity assertion is for clients that prove who they are");
  if (claims.client_id !== client.client_id) throw invalidGrant("the assertion was made for another client");
}

/** A key the issuer bound the assertion to must be proved here; another kind of binding cannot be. */
function confirmationOf({ claims }: TrustedAssertion) {
  const { cnf } = claims;
  if (cnf === undefined) return {};
  const jkt = typeof cnf === "object" && cnf !== null && "jkt" in cnf ? cnf.jkt : undefined;
  if (typeof jkt !== "string") throw invalidGrant("the assertion is bound in a way that is not supported");
  return { cnf: { jkt } };
}

function chooseScope(
  op: Op,
  client: Client,
  { claims }: TrustedAssertion,
  most: readonly string[],
  asked: string | undefined,
) {
  const allowed = allowedScopes(op, client);
  const said = typeof claims.scope === "string" ? parseScope(claims.scope) : undefined;
  // There is no session here, and no refresh token.
  const possible = most.filter(
    (name) =>
      allowed.has(name) &&
      name !== "offline_access" &&
      name !== "openid" &&
      (said === undefined || said.includes(name)),
  );
  const wanted = parseScope(asked);
  const excess = without(wanted, possible);
  if (excess.length > 0)
    throw refusedScope(client, excess, "the scope asks for more than the assertion gives this client");
  const scope = wanted.length === 0 ? possible : wanted;
  if (scope.length === 0) throw refusedScope(client, [], "the assertion gives this client nothing here");
  return scope;
}

/** Resources the issuer named, or all the scopes lead to. */
function resourcesOf(op: Op, { claims }: TrustedAssertion, scope: readonly string[]): string[] {
  const said = typeof claims.resource === "string" ? [claims.resource] : claims.resource;
  if (Array.isArray(said)) {
    if (!said.every((one) => op.resources.has(one)))
      throw invalidGrant("the assertion names a resource that is not known here");
    return said as string[];
  }
  const known = [...op.resources.values()].filter((one) => one.scopes.some((name) => scope.includes(name)));
  return known.map((one) => one.resource);
}
