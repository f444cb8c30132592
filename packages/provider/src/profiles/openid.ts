/**
 * OpenID Connect, for applications that sign people in (OpenID Connect Core 1.0, Discovery 1.0, RP-Initiated, Back-Channel and
 * Front-Channel Logout 1.0), as careful as RFC 9700 wants it.
 *
 * One screen of lists: what is not here is not served, and any of it is replaced by writing another value after the spread.
 */
import { boundAsRegistered } from "../binding-policy.ts";
import { dpop } from "../bindings/dpop.ts";
import { none } from "../client-auth/none.ts";
import { privateKeyJwt } from "../client-auth/private-key-jwt.ts";
import { secretBasic, secretPost } from "../client-auth/secret.ts";
import { authorizationCode } from "../grants/authorization-code.ts";
import { clientCredentials } from "../grants/client-credentials.ts";
import { refreshToken } from "../grants/refresh-token.ts";
import { backchannelLogout, frontchannelLogout } from "../logout/channels.ts";
import type { ProviderOptions } from "../options.ts";
import { pkceAlways } from "../pkce-policy.ts";
import { encryptedIdTokens, encryptedUserinfo, signedIntrospection, signedUserinfo } from "../protected-answers.ts";
import { pushedRequests } from "../pushed-requests.ts";
import { rotateAlways } from "../refresh-rotation.ts";
import { requestObjects } from "../request-objects.ts";
import { formPost } from "../response-modes/form-post.ts";
import { fragment, query } from "../response-modes/response-mode.ts";
import { code } from "../response-types.ts";

/**
 * Gives the options of an OpenID Provider. A confidential client from before RFC 9700 may need `pkce: pkceOrNonce` or
 * `pkceForPublicClients`; the implicit and hybrid flows are in `legacy.ts`.
 *
 * ```ts
 * const provider = createProvider({ ...openid(), issuer, store, keys, accounts, secret });
 * ```
 */
export function openid() {
  return {
    grants: [authorizationCode, refreshToken, clientCredentials],
    responseTypes: [code],
    responseModes: [query, fragment, formPost],
    clientAuth: [secretBasic, secretPost, privateKeyJwt(), none],
    pkce: pkceAlways,
    push: pushedRequests(),
    // Core §6: by value. By reference the server would fetch what strangers name.
    requestObjects: requestObjects(),
    refreshRotation: rotateAlways,
    bindings: [dpop()],
    boundTokens: boundAsRegistered,
    answers: [signedUserinfo, encryptedUserinfo, encryptedIdTokens, signedIntrospection],
    logout: [backchannelLogout, frontchannelLogout],
  } satisfies Partial<ProviderOptions>;
}
