/**
 * Sign in with Apple.
 *
 * OpenID Connect Core §3.1, OAuth 2.0 Form Post Response Mode, RFC 7523 §2.2 (the client secret is a JWT one signs oneself).
 * Guarantees that from `user`, which comes through the browser and once only, nothing but a name is taken: never the e-mail.
 */
import { signJwt } from "@valetkey/protocol/jose";
import type { Jwk } from "@valetkey/protocol/jwk";
import { oidcPreset } from "../lib/preset.ts";
import { fullName, object } from "../lib/read-profile.ts";

/** Signs people in with Apple. `client_id` is the Services ID; make `client_secret` with `appleClientSecret`. */
export const apple = oidcPreset(
  {
    name: "apple",
    label: "Apple",
    sources: [
      "https://developer.apple.com/documentation/signinwithapplerestapi/request-an-authorization-to-the-sign-in-with-apple-server.",
      "https://developer.apple.com/documentation/signinwithapple/authenticating-users-with-sign-in-with-apple",
      "https://developer.apple.com/documentation/accountorganizationaldatasharing/creating-a-client-secret",
    ],
    email: "said",
    confirmed: true,
    note: "The name comes with the first sign-in only: save it. The e-mail may be a relay address.",
  },
  {
    issuer: "https://appleid.apple.com",
    scope: "openid name email",
    // Required as soon as a scope is asked for.
    response_mode: "form_post",
    token_endpoint_auth_method: "client_secret_post",
    // Not announced; what Apple does not know it ignores, and the nonce protects the code as well.
    metadata: { code_challenge_methods_supported: ["S256"] },
    profile(claims, { callback }) {
      const { firstName, lastName } = object(object(readJson(callback.user)).name);
      const name = fullName(firstName, lastName)?.slice(0, 200);
      const { email_verified } = claims;
      return {
        ...(name === undefined ? {} : { name }),
        // Documented as "string or boolean".
        email_verified: email_verified === true || email_verified === "true",
      };
    },
  },
);

/** A key from Apple's developer pages and whose it is. */
export interface AppleKey {
  /** Ten characters. */
  readonly team_id: string;
  /** Ten characters: the id of the key. */
  readonly key_id: string;
  /** The Services ID. */
  readonly client_id: string;
  /** The private key as JWK (P-256). */
  readonly private_key: Jwk;
  /** Seconds the secret is good for, at most 15777000 (six months); default an hour. */
  readonly lifetime?: number;
  readonly now?: () => number;
}

/**
 * Signs a client secret as Apple wants it.
 *
 * @example apple({ client_id, client_secret: () => appleClientSecret({ team_id, key_id, client_id, private_key }) })
 */
export function appleClientSecret(key: AppleKey): Promise<string> {
  const { team_id, key_id, client_id, private_key, lifetime = 3600, now = Date.now } = key;
  const iat = Math.floor(now() / 1000);
  const exp = iat + Math.min(lifetime, 15_777_000);
  const claims = { iss: team_id, sub: client_id, aud: "https://appleid.apple.com", iat, exp };
  return signJwt(claims, { key: private_key, alg: "ES256", kid: key_id });
}

function readJson(text: string | undefined): unknown {
  if (text === undefined || text.length > 4096) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
