/**
 * Which requests for a code must carry a PKCE challenge (RFC 7636, RFC 9700 §2.1.1, P6).
 *
 * The default asks everybody. The exceptions are for confidential clients only, and chosen by name in the
 * configuration: a public client has nothing else that ties the code to it. A challenge that was sent is always
 * checked, whatever the policy.
 */
import type { PkcePolicy } from "./op.ts";

/** Every client, always: the default. */
export const pkceAlways: PkcePolicy = () => true;

/** Not confidential clients that send a `nonce`, which protects them as RFC 9700 §2.1.1 allows for OpenID Connect. */
export const pkceOrNonce: PkcePolicy = ({ client, nonce }) => !client.confidential || nonce === undefined;

/** Public clients only. Confidential clients without it are open to code injection (RFC 9700 §4.5). */
export const pkceForPublicClients: PkcePolicy = ({ client }) => !client.confidential;
