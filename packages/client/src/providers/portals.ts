/**
 * Sign in with Yahoo, and with 42, the school.
 *
 * RFC 6749 §4.1. Yahoo speaks OpenID Connect; its userinfo is asked with the token of this very sign-in.
 */
import { oauth2Preset } from "../lib/preset.ts";
import { object, profileOf, text } from "../lib/read-profile.ts";

/** Signs people in with Yahoo. */
export const yahoo = oauth2Preset(
  {
    name: "yahoo",
    label: "Yahoo",
    sources: [
      "https://developer.yahoo.com/sign-in-with-yahoo/",
      "https://developer.yahoo.com/oauth2/guide/openid_connect/",
    ],
    email: "said",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://api.login.yahoo.com/oauth2/request_auth",
    token_endpoint: "https://api.login.yahoo.com/oauth2/get_token",
    code_challenge_methods_supported: [],
    scope: "openid profile email",
    api: "https://api.login.yahoo.com/openid/v1",
    async profile(api) {
      const me = await api.json("userinfo");
      const { sub, name, email, email_verified, picture } = me;
      return profileOf(me, { id: sub, name, email, email_verified, picture });
    },
  },
);

/** Signs people in with 42, the school. */
export const fortyTwo = oauth2Preset(
  {
    name: "fortytwo",
    label: "42",
    sources: [
      "https://api.intra.42.fr/apidoc/guides/web_application_flow",
      "https://api.intra.42.fr/apidoc/2.0/users/me.html",
    ],
    email: "not said",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://api.intra.42.fr/oauth/authorize",
    token_endpoint: "https://api.intra.42.fr/oauth/token",
    token_endpoint_auth_method: "client_secret_post",
    code_challenge_methods_supported: [],
    scope: "public",
    api: "https://api.intra.42.fr/v2",
    async profile(api) {
      const me = await api.json("me");
      return profileOf(me, {
        id: me.id,
        name: text(me.usual_full_name) ?? me.displayname,
        username: me.login,
        email: me.email,
        picture: object(me.image).link,
      });
    },
  },
);
