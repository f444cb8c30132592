/**
 * OAuth 2.1, for APIs and the applications that use them (draft-ietf-oauth-v2-1-16, RFC 9700).
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
import type { ProviderOptions } from "../options.ts";
import { pkceAlways } from "../pkce-policy.ts";
import { pushedRequests } from "../pushed-requests.ts";
import { rotateAlways } from "../refresh-rotation.ts";
import { formPost } from "../response-modes/form-post.ts";
import { query } from "../response-modes/response-mode.ts";
import { code } from "../response-types.ts";

/**
 * Gives the options of an authorization server of OAuth 2.1.
 *
 * ```ts
 * const provider = createProvider({ ...oauth21(), issuer, store, keys, accounts, secret, resources });
 * ```
 */
export function oauth21() {
  return {
    // §1.3: no implicit, no password.
    grants: [authorizationCode, refreshToken, clientCredentials],
    responseTypes: [code],
    responseModes: [query, formPost],
    clientAuth: [secretBasic, secretPost, privateKeyJwt(), none],
    // §4.1.1, §7.5.1.
    pkce: pkceAlways,
    push: pushedRequests(),
    // §4.3.1: refresh tokens of public clients are bound to a key or used once; here they are used once in any case.
    refreshRotation: rotateAlways,
    bindings: [dpop()],
    boundTokens: boundAsRegistered,
    answers: [],
    logout: [],
  } satisfies Partial<ProviderOptions>;
}
