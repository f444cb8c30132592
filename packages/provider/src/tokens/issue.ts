/**
 * The one mint: whatever the grant type, tokens are born here and committed together with what was spent for them.
 *
 * RFC 6749 §5.1, OpenID Connect Core §3.1.3.3. Guarantees that spending and minting are one atomic act, and that
 * whoever loses a race is judged anew by what is stored then: a spent code is seen as spent.
 */
import { OAuthError } from "@valetkey/protocol/errors";
import type { TokenResponse } from "@valetkey/protocol/metadata";
import { formatScope } from "@valetkey/protocol/scope";
import { type Change, StoreUnavailable } from "@valetkey/store";
import { keepClient } from "../clients.ts";
import type { GrantType, Issuance, TokenRequest } from "../grants/grant-type.ts";
import type { Op } from "../op.ts";
import { mintAccessToken } from "./access-token.ts";
import { type IdJag, mintIdJag } from "./id-jag.ts";
import { mintIdToken } from "./id-token.ts";
import { mintRefreshToken } from "./refresh-token.ts";

const tries = 4;
/**
 * A refusal that counts failures may lose to other failures, but each time one more is counted and soon there is
 * nothing to change.
 */
const triesToRefuse = 12;

/**
 * Redeems, mints and commits. Throws the refusal of the grant type, or `StoreUnavailable` when races go on for too
 * long.
 */
export async function issue(op: Op, type: GrantType, request: TokenRequest): Promise<TokenResponse> {
  for (let attempt = 1; ; attempt++) {
    const issuance = await type.redeem(op, request);
    if (issuance.refuse !== undefined) {
      if (await commit(op, issuance.changes)) throw issuance.refuse;
    } else {
      const { response, born } = await mint(op, request, issuance);
      if (await commit(op, [...issuance.changes, ...born])) {
        await issued(op, type, request, issuance);
        return response;
      }
    }
    if (attempt >= (issuance.refuse === undefined ? tries : triesToRefuse)) {
      throw new StoreUnavailable("what a token request depends on kept changing");
    }
  }
}

async function commit(op: Op, changes: readonly Change[]): Promise<boolean> {
  return changes.length === 0 || (await op.store.commit(changes));
}

async function mint(
  op: Op,
  request: TokenRequest,
  issuance: Issuance,
): Promise<{ response: TokenResponse; born: Change[] }> {
  try {
    return await mintAll(op, request, issuance);
  } catch (cause) {
    if (cause instanceof OAuthError || cause instanceof StoreUnavailable) throw cause;
    // No entropy, no signing key: an outage, and never a reason for a weaker token.
    throw new StoreUnavailable("tokens cannot be made", { cause, retryAfter: 30 });
  }
}

async function mintAll(
  op: Op,
  request: TokenRequest,
  issuance: Issuance,
): Promise<{ response: TokenResponse; born: Change[] }> {
  const { client, now, binding } = request;
  if (issuance.id_jag !== undefined) return assertion(op, issuance.id_jag, now);
  const { subject, grant, scope, resource, authorization_details, claims, issued_token_type, notAfter } = issuance;
  const never = Number.POSITIVE_INFINITY;
  const expiresAt = Math.min(now + op.lifetimes.access * 1000, grant?.expiresAt ?? never, notAfter ?? never);
  const access = await mintAccessToken(op, {
    client,
    ...(subject === undefined ? {} : { subject }),
    ...(grant ? { grant } : {}),
    scope,
    resource,
    ...(binding === undefined ? {} : { cnf: binding.cnf }),
    ...(authorization_details === undefined ? {} : { authorization_details }),
    ...(claims === undefined ? {} : { claims }),
    now,
    expiresAt,
  });
  const response: TokenResponse = {
    access_token: access.token,
    token_type: binding?.token_type ?? "Bearer",
    expires_in: Math.floor((expiresAt - now) / 1000),
    ...(scope.length === 0 ? {} : { scope: formatScope(scope) }),
    ...(authorization_details === undefined ? {} : { authorization_details }),
    ...(issued_token_type === undefined ? {} : { issued_token_type }),
  };
  const born: Change[] = [...access.changes];
  if (subject === undefined || grant === undefined) return { response, born };
  let { refreshUntil } = issuance;
  if (issuance.refresh !== undefined) {
    const refresh = await mintRefreshToken(op, { birth: issuance.refresh, grant, now });
    response.refresh_token = refresh.token;
    refreshUntil = refresh.expiresAt;
    born.push(...refresh.changes);
  }
  for (const part of op.parts) Object.assign(response, part.tokenResponse?.(op, { grant, refreshUntil, now }));
  if (issuance.id_token !== undefined) {
    const accessToken = access.token;
    response.id_token = await mintIdToken(op, {
      client,
      subject,
      grant: grant.data,
      ...issuance.id_token,
      accessToken,
      now,
    });
  }
  return { response, born };
}

/** RFC 8693 §2.2.1: `N_A`, for it is not for the Authorization header of an API. */
async function assertion(op: Op, assertion: IdJag, now: number): Promise<{ response: TokenResponse; born: Change[] }> {
  const { scope, expiresAt } = assertion;
  const response: TokenResponse = {
    access_token: await mintIdJag(op, assertion, now),
    token_type: "N_A",
    issued_token_type: "urn:ietf:params:oauth:token-type:id-jag",
    expires_in: Math.floor((expiresAt - now) / 1000),
    ...(scope.length === 0 ? {} : { scope: formatScope(scope) }),
  };
  return { response, born: [] };
}

async function issued(
  op: Op,
  type: GrantType,
  { client }: TokenRequest,
  { subject, scope, grant }: Issuance,
): Promise<void> {
  const { client_id } = client;
  const { grant_type } = type;
  op.log.info({ event: "token.issued", client_id, grant_type, subject, scope, grant: grant?.id }, "tokens were issued");
  // A stranger's client that is used is there to stay. The tokens are out already: an outage now changes nothing for
  // them.
  await keepClient(op, client).catch((cause: unknown) => {
    op.log.warn({ event: "client.not-kept", client_id, cause }, "a client's first use could not be recorded");
  });
}
