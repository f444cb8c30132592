/**
 * What RFC 9700 tells nobody to use any more, for clients that cannot be changed. Import it by name; nothing else brings it.
 *
 * RFC 6749 §4.2 and §4.3, OpenID Connect Core §3.2 and §3.3, RFC 9700 §2.1.2 and §2.4. What it gives up: tokens in a redirect
 * can leak from the browser and cannot be bound to a key; a client that sees a password could be anybody.
 */
import { invalidGrant, invalidRequest, tooManyRequests, unauthorizedClient } from "@valetkey/protocol/errors";
import { createId } from "@valetkey/protocol/random";
import { parseScope } from "@valetkey/protocol/scope";
import { findAccount } from "./claims.ts";
import { isStranger } from "./clients.ts";
import { type GrantData, insert } from "./entries.ts";
import type { GrantType } from "./grants/grant-type.ts";
import { refusedScope } from "./lib/refused-scope.ts";
import { networkOf } from "./network.ts";
import type { Awaitable } from "./op.ts";
import { chooseAudience } from "./resources.ts";
import type { ResponseType } from "./response-types.ts";
import { allowedScopes } from "./scopes-of.ts";
import { bindingOfGrant } from "./tokens/binding.ts";

/** OpenID Connect's implicit flow with the ID token only: `id_token` (Core §3.2). */
export const implicitIdToken: ResponseType = { response_type: "id_token" };

/** OpenID Connect's hybrid flow without an access token in the redirect: `code id_token` (Core §3.3). */
export const hybrid: ResponseType = { response_type: "code id_token" };

/** Response types that put an access token into the redirect (RFC 9700 §2.1.2: should not be used). */
export const tokensInRedirect: readonly ResponseType[] = [
  { response_type: "token" },
  { response_type: "id_token token" },
  { response_type: "code token" },
  { response_type: "code id_token token" },
];

/**
 * The resource owner password credentials grant (RFC 6749 §4.3; RFC 9700 §2.4: must not be used). `verify` gives the subject of
 * a name and a password, or nothing. Guessing is slowed by account and network.
 */
export function passwordGrant({
  verify,
}: {
  readonly verify: (username: string, password: string) => Awaitable<string | undefined>;
}): GrantType {
  const refusal = () => invalidGrant("the name or the password is wrong");
  return {
    grant_type: "password",
    async redeem(op, { form, client, now, peer, binding }) {
      const { username, password } = form;
      if (username === undefined || password === undefined) throw invalidRequest("username and password are needed");
      // A client strangers registered must not be handed passwords.
      if (isStranger(client)) throw unauthorizedClient("this client may not ask for passwords");
      const keys = [`password:${username.slice(0, 256)}`, `password-from:${networkOf(peer.ip) ?? ""}`];
      const wait = Math.max(...(await Promise.all(keys.map((key) => op.throttle.blocked(key)))));
      if (wait > 0) throw tooManyRequests("too many wrong passwords", wait);
      const subject = await verify(username, password);
      if (subject === undefined || (await findAccount(op, subject)) === undefined) {
        await Promise.all(keys.map((key) => op.throttle.failed(key)));
        throw refusal();
      }
      const allowed = allowedScopes(op, client);
      const asked = parseScope(form.scope);
      const scope = asked.filter((name) => allowed.has(name));
      if (scope.length === 0)
        throw refusedScope(client, asked, "scope is missing or holds nothing this client may have");
      const resource = [...op.resources.values()].filter((one) => one.scopes.some((name) => scope.includes(name)));
      const id = createId(now);
      const expiresAt = now + op.lifetimes.refreshAbsolute * 1000;
      const data: GrantData = {
        scope,
        resource: resource.map((one) => one.resource),
        auth_time: Math.floor(now / 1000),
        amr: ["pwd"],
        // There is no session: it is what it would be with offline_access.
        sid: createId(now),
        offline: true,
        createdAt: now,
        ...bindingOfGrant(client, binding),
      };
      const refreshes =
        op.grants.has("refresh_token") && client.metadata.grant_types?.includes("refresh_token") === true;
      return {
        changes: [insert("grant", { id, client: client.client_id, subject, expiresAt, data })],
        subject,
        grant: { id, expiresAt, data },
        ...chooseAudience(op, form, data),
        ...(refreshes ? { refresh: { kind: "new" as const } } : {}),
        ...(scope.includes("openid") ? { id_token: {} } : {}),
      };
    },
  };
}
