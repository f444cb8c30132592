/**
 * Tokens without a browser: what a person would have been given had they signed in and allowed it.
 *
 * RFC 6749 §5.1, RFC 8707 §2. Guarantees that they come out of the provider's own mint, with a grant behind them, so that
 * introspection, userinfo, refreshing and revocation treat them as any others.
 */

import { parseForm } from "@valetkey/protocol/form";
import type { TokenResponse } from "@valetkey/protocol/metadata";
import { createId } from "@valetkey/protocol/random";
import { findClient } from "../clients.ts";
import { type GrantData, insert } from "../entries.ts";
import type { GrantType } from "../grants/grant-type.ts";
import type { Op } from "../op.ts";
import { chooseAudience } from "../resources.ts";
import { issue } from "../tokens/issue.ts";
import { type Duration, secondsOf } from "./clock.ts";

/** What a token is to be like. */
export interface TokenOptions {
  /** Names separated by blanks. Default none. */
  readonly scope?: string;
  /** One of `resources`, or several. Default the only one there is; the issuer itself where there is none or `openid` is asked. */
  readonly audience?: string | readonly string[];
  /** Default as the server's lifetime for access tokens, 15 minutes. */
  readonly expiresIn?: Duration;
  /** `client_id`; default the first client. */
  readonly client?: string;
  /** For the ID token. */
  readonly nonce?: string;
  /** How the person signed in, for the ID token and the access token. */
  readonly acr?: string;
  readonly amr?: readonly string[];
}

/** Issues tokens for a person. What the server could never have given is an `Error` that says what is missing. */
export async function mint(op: Op, sub: string, client_id: string, options: TokenOptions): Promise<TokenResponse> {
  const { nonce, acr, amr, expiresIn } = options;
  if ((await op.accounts.find(sub)) === undefined) throw new Error(`there is no user ${sub}: add one to users`);
  const client = await findClient(op, client_id);
  if (client === undefined) throw new Error(`there is no client ${client_id}: add it to clients`);
  const { scope, resource, form } = readAsked(op, options);
  const now = op.now();
  const data: GrantData = {
    scope,
    resource,
    auth_time: Math.floor(now / 1000),
    sid: createId(now),
    offline: true,
    createdAt: now,
    ...(nonce === undefined ? {} : { nonce }),
    ...(acr === undefined ? {} : { acr }),
    ...(amr === undefined ? {} : { amr }),
  };
  const id = createId(now);
  const expiresAt = now + op.lifetimes.refreshAbsolute * 1000;
  const refreshes = client.metadata.grant_types?.includes("refresh_token") === true;
  const signedIn: GrantType = {
    grant_type: "authorization_code",
    redeem: async () => ({
      changes: [insert("grant", { id, client: client_id, subject: sub, expiresAt, data })],
      subject: sub,
      grant: { id, expiresAt, data },
      ...chooseAudience(op, form, data),
      ...(refreshes ? { refresh: { kind: "new" } } : {}),
      ...(scope.includes("openid") ? { id_token: nonce === undefined ? {} : { nonce } } : {}),
    }),
  };
  const lifetimes = expiresIn === undefined ? op.lifetimes : { ...op.lifetimes, access: secondsOf(expiresIn) };
  return issue({ ...op, lifetimes }, signedIn, { form, client, now, peer: {} });
}

/** Names that are not known would be dropped on the way; in a test that is a mistake. */
function readAsked(op: Op, { scope: given = "", audience }: TokenOptions) {
  const scope = given.split(" ").filter((name) => name !== "");
  const all = [...op.resources.keys()];
  const byDefault = all.length === 1 && !scope.includes("openid") ? all : [];
  const resource = audience === undefined ? byDefault : [audience].flat().filter((one) => one !== op.issuer);
  const stranger = resource.find((one) => !op.resources.has(one));
  if (stranger !== undefined) {
    throw new Error(`the audience ${stranger} is not known: resources are ${all.join(", ") || "none"}; add it there`);
  }
  const known = [...Object.keys(op.scopes), ...resource.flatMap((one) => op.resources.get(one)?.scopes ?? [])];
  const unknown = scope.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`the scope ${unknown} is not known: add it to scopes, with its words`);
  const form = parseForm(new URLSearchParams(resource.map((one) => ["resource", one])).toString(), {
    repeatable: ["resource"],
  });
  return { scope, resource, form };
}
