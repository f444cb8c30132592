/**
 * A protected API beside the server, for plans that want one: it takes access tokens bound to a key and nothing else.
 *
 * RFC 9449 §7.1. Guarantees that a request counts only with a live token of this server for this API, the scope, and a proof by
 * the key the token is bound to, made for this request and never seen before.
 */
import { readAuthorization } from "@valetkey/protocol/authorization-header";
import { readDpopHeader, verifyDpopProof } from "@valetkey/protocol/dpop";
import { invalidDpopProof, invalidToken, isOAuthError } from "@valetkey/protocol/errors";
import type { Server } from "valetkey";

/** The scope the API asks for, in the words of the consent page. */
export const apiScope = { name: "accounts", words: "See your accounts" };

/**
 * Where the API of this issuer is. It belongs to the issuer itself and is not one of the server's `resources`: the suite's requests
 * name no `resource`, so that its tokens are for the issuer (RFC 8707 §2).
 */
export const apiUrl = (issuer: string): string => `${issuer}/accounts`;

/** Gives what answers requests for the API; nothing for other addresses. */
export function answerApi(server: Server): (request: Request) => Promise<Response | undefined> {
  const url = apiUrl(server.issuer);
  const seen = new Set<string>();
  const check = async (request: Request): Promise<void> => {
    const sent = readAuthorization(request.headers.get("authorization"));
    if (sent?.scheme !== "dpop") throw invalidToken("a token bound to a key is needed");
    const { scope = [], cnf, aud = [] } = (await server.provider.tokens.read(sent.credentials)) ?? {};
    if (!aud.includes(server.issuer) || !scope.includes(apiScope.name))
      throw invalidToken("the access token is not valid here");
    const proof = readDpopHeader(request.headers);
    if (proof === undefined) throw invalidDpopProof("a DPoP proof is missing");
    const { jkt, jti } = await verifyDpopProof(proof, {
      htm: request.method,
      htu: url,
      access_token: sent.credentials,
      now: Date.now(),
      algorithms: ["ES256", "PS256", "EdDSA"],
    });
    if (jkt !== cnf?.jkt) throw invalidToken("the access token is bound to another key");
    if (seen.has(`${jkt} ${jti}`)) throw invalidDpopProof("the proof was used before");
    seen.add(`${jkt} ${jti}`);
  };
  return async (request) => {
    if (request.url.split("?")[0] !== url) return undefined;
    const headers: Record<string, string> = { "Cache-Control": "no-store" };
    // RFC 9449 and FAPI 2.0 leave it to us; FAPI 1.0 §6.2.1 wants it echoed and the suite looks at it.
    const interaction = request.headers.get("x-fapi-interaction-id");
    if (interaction !== null) headers["x-fapi-interaction-id"] = interaction;
    try {
      await check(request);
      return Response.json({ accounts: [] }, { headers });
    } catch (thrown) {
      if (!isOAuthError(thrown)) throw thrown;
      const challenge = `DPoP error="${thrown.error}", algs="ES256 PS256 EdDSA"`;
      return new Response(null, { status: 401, headers: { ...headers, "WWW-Authenticate": challenge } });
    }
  };
}
