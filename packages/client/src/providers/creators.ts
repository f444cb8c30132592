/**
 * Sign in with what supports creators: Patreon, DonationAlerts, Tiltify.
 *
 * RFC 6749 §4.1.
 */
import { oauth2Preset } from "../lib/preset.ts";
import { object, profileOf } from "../lib/read-profile.ts";

/** Signs people in with Patreon. */
export const patreon = oauth2Preset(
  {
    name: "patreon",
    label: "Patreon",
    sources: ["https://docs.patreon.com/#oauth", "https://docs.patreon.com/#get-api-oauth2-v2-identity"],
    email: "said",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://www.patreon.com/oauth2/authorize",
    token_endpoint: "https://www.patreon.com/api/oauth2/token",
    token_endpoint_auth_method: "client_secret_post",
    code_challenge_methods_supported: [],
    scope: "identity identity[email]",
    api: "https://www.patreon.com/api/oauth2/v2",
    async profile(api) {
      const fields = "email,full_name,image_url,is_email_verified,vanity";
      const me = object((await api.json(`identity?fields%5Buser%5D=${fields}`)).data);
      const { full_name, vanity, email, is_email_verified, image_url } = object(me.attributes);
      return profileOf(me, {
        id: me.id,
        name: full_name,
        username: vanity,
        email,
        email_verified: is_email_verified,
        picture: image_url,
      });
    },
  },
);

/** Signs people in with DonationAlerts. */
export const donationalerts = oauth2Preset(
  {
    name: "donationalerts",
    label: "DonationAlerts",
    sources: ["https://www.donationalerts.com/apidoc#authorization__authorization_code"],
    email: "not said",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://www.donationalerts.com/oauth/authorize",
    token_endpoint: "https://www.donationalerts.com/oauth/token",
    token_endpoint_auth_method: "client_secret_post",
    code_challenge_methods_supported: [],
    scope: "oauth-user-show",
    api: "https://www.donationalerts.com/api/v1",
    async profile(api) {
      const me = object((await api.json("user/oauth")).data);
      return profileOf(me, { id: me.id, name: me.name, username: me.code, email: me.email, picture: me.avatar });
    },
  },
);

/** Signs people in with Tiltify. */
export const tiltify = oauth2Preset(
  {
    name: "tiltify",
    label: "Tiltify",
    sources: ["https://developers.tiltify.com/docs/oauth", "https://developers.tiltify.com/api-reference/public"],
    email: "not said",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://v5api.tiltify.com/oauth/authorize",
    token_endpoint: "https://v5api.tiltify.com/oauth/token",
    token_endpoint_auth_method: "client_secret_post",
    code_challenge_methods_supported: [],
    scope: "public",
    api: "https://v5api.tiltify.com/api/public",
    async profile(api) {
      const me = object((await api.json("current-user")).data);
      return profileOf(me, {
        id: me.id,
        name: me.username,
        username: me.username,
        email: me.email,
        picture: object(me.avatar).src,
      });
    },
  },
);
