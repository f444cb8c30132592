/**
 * The client credentials grant: a client on its own behalf (RFC 6749 §4.4, RFC 9700 §4.15).
 *
 * Confidential clients only. Guarantees that such a token holds none but scopes the client's registration lists, never
 * those that speak of a person, and comes without refresh or ID token.
 */
import { invalidTarget, unauthorizedClient } from "@valetkey/protocol/errors";
import { formValues } from "@valetkey/protocol/form";
import { parseScope, without } from "@valetkey/protocol/scope";
import type { Client } from "../clients.ts";
import { refusedScope } from "../lib/refused-scope.ts";
import type { Op } from "../op.ts";
import { chooseAudience } from "../resources.ts";
import { knownScopes } from "../scopes-of.ts";
import type { GrantType } from "./grant-type.ts";

/** Scopes that mean something only with a person behind them (OpenID Connect Core §5.4, §11). */
const aboutPeople = ["openid", "profile", "email", "address", "phone", "offline_access"];

/** `client_credentials`. */
export const clientCredentials: GrantType = {
  grant_type: "client_credentials",
  async redeem(op, { form, client }) {
    // §4.4: must only be used by confidential clients.
    if (!client.confidential) throw unauthorizedClient("a public client cannot act on its own behalf");
    if (formValues(form, "resource").length === 0 && op.resourceIndicators({ client }))
      throw invalidTarget("resource is missing: say what the token is for");
    const own = ownScopes(op, client);
    const asked = parseScope(form.scope);
    const excess = without(asked, own);
    if (excess.length > 0)
      throw refusedScope(client, excess, "the scope asks for more than this client has on its own");
    const scope = asked.length === 0 ? own : asked;
    const reachable = [...op.resources.values()].filter((one) => one.scopes.some((name) => scope.includes(name)));
    const audience = chooseAudience(op, form, { scope, resource: reachable.map((one) => one.resource) });
    // §3.3: without scopes of its own the client still has itself to show, to us; no resource would know what to allow it.
    const nothing = audience.scope.length === 0 && (asked.length > 0 || audience.resource.length > 0);
    if (nothing) throw refusedScope(client, asked, "this client has no scope of its own here");
    return { changes: [], ...audience };
  },
};

/** Only what was written down for this client: there is no person who could consent to more. */
function ownScopes(op: Op, client: Client): string[] {
  const known = knownScopes(op);
  return parseScope(client.metadata.scope).filter((scope) => known.has(scope) && !aboutPeople.includes(scope));
}
