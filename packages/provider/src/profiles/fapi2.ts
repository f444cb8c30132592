/**
 * FAPI 2.0 Security Profile (Final), for money and health: §5.3.2 (authorization servers), §5.4 (cryptography).
 *
 * One screen of lists: what is not here is not served, and any of it is replaced by writing another value after the spread. What a
 * profile cannot bring is TLS (§5.2); keys: `createKeys({ algs: ["PS256", "ES256"] })`, for one of RS256 alone is none here.
 */
import { boundAlways } from "../binding-policy.ts";
import { dpop } from "../bindings/dpop.ts";
import { privateKeyJwt } from "../client-auth/private-key-jwt.ts";
import { authorizationCode } from "../grants/authorization-code.ts";
import { clientCredentials } from "../grants/client-credentials.ts";
import { refreshToken } from "../grants/refresh-token.ts";
import type { ProviderOptions } from "../options.ts";
import { pkceAlways } from "../pkce-policy.ts";
import { signedIntrospection, signedUserinfo } from "../protected-answers.ts";
import { pushedRequests } from "../pushed-requests.ts";
import { rotateForPublicClients } from "../refresh-rotation.ts";
import { query } from "../response-modes/response-mode.ts";
import { code } from "../response-types.ts";

/** §5.4.1: and no others, for whatever is signed. */
const algorithms = ["PS256", "ES256", "EdDSA", "Ed25519"] as const;

/**
 * Gives the options of an authorization server of FAPI 2.0, with DPoP and `private_key_jwt`. Where connections have certificates,
 * add `tlsClientAuth()` to `clientAuth` and `certificateBound()` to `bindings`.
 *
 * ```ts
 * const provider = createProvider({ ...fapi2(), issuer, store, keys, accounts, secret });
 * ```
 */
export function fapi2() {
  return {
    grants: [authorizationCode, refreshToken, clientCredentials],
    responseTypes: [code],
    responseModes: [query],
    // §5.3.2.1: confidential clients only, and the issuer as a text is the one audience.
    clientAuth: [privateKeyJwt({ algorithms, plainAudience: true })],
    // §5.3.2.2: nobody comes without having pushed, each request names its redirect_uri, and waits for less than ten minutes.
    push: pushedRequests({ required: true, namesRedirect: true, lifetime: 60 }),
    pkce: pkceAlways,
    // §5.3.2.1: every access token is bound to a key; rotation would only make clients lose their access.
    bindings: [dpop({ algorithms })],
    boundTokens: boundAlways,
    refreshRotation: rotateForPublicClients,
    signingAlgs: ["PS256", "ES256", "EdDSA"],
    answers: [signedUserinfo, signedIntrospection],
    logout: [],
    lifetimes: { code: 60 },
  } satisfies Partial<ProviderOptions>;
}
