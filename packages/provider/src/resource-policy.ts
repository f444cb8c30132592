/**
 * Whether a request must say which resource its tokens are for (RFC 8707 §2; Model Context Protocol 2026-07-28, Authorization,
 * "Resource Parameter Implementation").
 */
import type { ResourcePolicy } from "./op.ts";

/**
 * No. The default. What a person allows without one is for the issuer itself (userinfo); what a client has on its own, or by an
 * assertion, is for the resources its scopes belong to. A token request that names none of the grant's resources gets a token for all
 * of them; for the issuer if `openid` is in the scope, or if one token cannot be for all: their forms or algorithms differ.
 */
export const resourceOptional: ResourcePolicy = () => false;

/** Every request for a person's or a client's access names it: there is no token that counts at more than was meant. */
export const resourceRequired: ResourcePolicy = () => true;
