/**
 * Tokens that travel in the authorization response itself (OpenID Connect Core §3.2.2.5, §3.2.2.10, §3.3.2.5, §3.3.2.11;
 * RFC 6749 §4.2.2), for the response types of `legacy.ts`.
 *
 * Guarantees that an ID token which passes through the browser is tied to the code and the access token beside it, and that such
 * an access token is as short-lived as all others and dies with its grant.
 */
import { formatScope } from "@valetkey/protocol/scope";
import type { Change } from "@valetkey/store";
import { claimsFor, findAccount } from "../claims.ts";
import type { Op } from "../op.ts";
import { chooseAudience } from "../resources.ts";
import type { Parameters } from "../response-modes/response-mode.ts";
import { holds } from "../response-types.ts";
import { mintAccessToken } from "../tokens/access-token.ts";
import { mintIdToken } from "../tokens/id-token.ts";
import type { Allowed } from "./new-grant.ts";

interface Front {
  readonly parameters: Parameters;
  readonly changes: readonly Change[];
  /** Milliseconds until which the grant must stand for them; 0 if there are none. */
  readonly expiresAt: number;
}

/** Makes what the response type holds beside the code. */
export async function frontTokens(
  op: Op,
  { client, subject, request, grant, now, code }: Allowed & { readonly code?: string },
): Promise<Front> {
  const { response_type, state, nonce } = request;
  const parameters: Record<string, string> = {};
  const changes: Change[] = [];
  const expiresAt = Math.min(now + op.lifetimes.access * 1000, grant.expiresAt);
  if (holds(response_type, "token")) {
    const { scope, resource } = chooseAudience(op, {}, grant.data);
    const access = await mintAccessToken(op, { client, subject, grant, scope, resource, now, expiresAt });
    changes.push(...access.changes);
    parameters.access_token = access.token;
    parameters.token_type = "Bearer";
    parameters.expires_in = String(Math.floor((expiresAt - now) / 1000));
    if (scope.length > 0) parameters.scope = formatScope(scope);
  }
  if (holds(response_type, "id_token") && grant.data.scope.includes("openid")) {
    // §5.4: without an access token there is no userinfo to ask: the claims of the scopes are in the ID token.
    const account = response_type === "id_token" ? await findAccount(op, subject) : undefined;
    parameters.id_token = await mintIdToken(op, {
      client,
      subject,
      grant: grant.data,
      now,
      ...(nonce === undefined ? {} : { nonce }),
      ...(parameters.access_token === undefined ? {} : { accessToken: parameters.access_token }),
      ...(code === undefined ? {} : { code }),
      ...(state === undefined ? {} : { state }),
      ...(account === undefined ? {} : { claims: claimsFor(op, grant.data.scope, account) }),
    });
  }
  const any = Object.keys(parameters).length > 0;
  return { parameters, changes, expiresAt: any ? expiresAt : 0 };
}
