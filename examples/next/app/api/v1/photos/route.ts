/** For programs with an access token. */
import { requireOAuth } from "../../../../protection.ts";

export const GET = requireOAuth("photos:read")((_request, token) =>
  Response.json({ sub: token.sub, scope: token.scope }),
);
