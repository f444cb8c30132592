/**
 * Sign in with LinkedIn.
 *
 * RFC 6749 §4.1. "OpenID Connect" at LinkedIn has an ID token without the nonce that was sent, so its userinfo is asked
 * instead, with the token of this very sign-in.
 */
import { oauth2Preset } from "../lib/preset.ts";
import { profileOf } from "../lib/read-profile.ts";

/** Signs people in with LinkedIn. The app needs the product "Sign In with LinkedIn using OpenID Connect". */
export const linkedin = oauth2Preset(
  {
    name: "linkedin",
    label: "LinkedIn",
    sources: [
      "https://learn.microsoft.com/en-us/linkedin/consumer/integrations/self-serve/sign-in-with-linkedin-v2",
      "https://learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow",
    ],
    email: "said",
    confirmed: true,
    note: "The e-mail and whether it is verified are optional.",
  },
  {
    issuer: "https://www.linkedin.com/oauth",
    authorization_endpoint: "https://www.linkedin.com/oauth/v2/authorization",
    token_endpoint: "https://www.linkedin.com/oauth/v2/accessToken",
    token_endpoint_auth_method: "client_secret_post",
    // PKCE exists for native clients only; a verifier from a web application is refused.
    code_challenge_methods_supported: [],
    scope: "openid profile email",
    api: "https://api.linkedin.com/v2",
    async profile(api) {
      const me = await api.json("userinfo");
      const { sub, name, email, email_verified, picture } = me;
      return profileOf(me, { id: sub, name, email, email_verified, picture });
    },
  },
);
