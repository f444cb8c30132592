/**
 * Sign in with Facebook.
 *
 * RFC 6749 §4.1. The Graph API gives what its `fields` ask for, and an e-mail only if there is a valid one.
 */
import { oauth2Preset } from "../lib/preset.ts";
import { object, profileOf } from "../lib/read-profile.ts";

/** Signs people in with Facebook. */
export const facebook = oauth2Preset(
  {
    name: "facebook",
    label: "Facebook",
    sources: [
      "https://developers.facebook.com/docs/facebook-login/guides/advanced/manual-flow",
      "https://developers.facebook.com/docs/graph-api/reference/user/",
    ],
    email: "not said",
    confirmed: true,
    note: "Calls without appsecret_proof must be allowed in the app's settings (the default).",
  },
  {
    authorization_endpoint: "https://www.facebook.com/v24.0/dialog/oauth",
    token_endpoint: "https://graph.facebook.com/v24.0/oauth/access_token",
    token_endpoint_auth_method: "client_secret_post",
    code_challenge_methods_supported: [],
    scope: "public_profile email",
    scope_separator: ",",
    api: "https://graph.facebook.com/v24.0",
    async profile(api) {
      const me = await api.json("me?fields=id,name,email,picture");
      const picture = object(object(me.picture).data);
      return profileOf(me, {
        id: me.id,
        name: me.name,
        email: me.email,
        picture: picture.is_silhouette === true ? undefined : picture.url,
      });
    },
  },
);
