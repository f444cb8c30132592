/**
 * The decorators of this API: `@RequireOAuth("photos:read")` and `@Token()`.
 */
import * as nest from "@nestjs/common";
import { protectResource } from "@valetkey/resource/nest";

const { ISSUER: issuer = "http://localhost:4000", AUDIENCE: audience = "http://localhost:3000/v1" } = process.env;

export const { RequireOAuth, Token, metadata } = protectResource(
  { issuer, audience, metadata: { scopes_supported: ["photos:read", "photos:write"] }, dpop: {} },
  nest,
);
