/**
 * Whether a request must say which resource its tokens are for (RFC 8707 §2; Model Context Protocol 2026-07-28, Authorization,
 * "Resource Parameter Implementation").
 */
import type { ResourcePolicy } from "./op.ts";

/** No: without one, tokens are for userinfo, or for what the scopes belong to. The default. */
export const resourceOptional: ResourcePolicy = () => false;

/** Every request for a person's or a client's access names it: there is no token that counts at more than was meant. */
export const resourceRequired: ResourcePolicy = () => true;
