/**
 * Whether a refresh token is replaced each time it is used (RFC 9700 §4.14.2, FAPI 2.0 Security Profile §5.3.2.1).
 *
 * Rotation finds out that a token was stolen when it is used twice. A confidential client must prove who it is with each use, which
 * a thief cannot: there rotation protects nothing, and costs a client its access when an answer gets lost.
 */
import type { RotationPolicy } from "./op.ts";

/** Always, with a short window for lost answers (`lifetimes.refreshRetry`): the default. */
export const rotateAlways: RotationPolicy = () => true;

/** Those of public clients only. */
export const rotateForPublicClients: RotationPolicy = ({ client }) => !client.confidential;
