/**
 * Sign in with places software and sites run: DigitalOcean, Heroku, Netlify, Vercel, Webflow, WordPress.com.
 *
 * RFC 6749 §4.1.
 */
import { oauth2Preset } from "../lib/preset.ts";
import { fullName, object, profileOf, text } from "../lib/read-profile.ts";

/** Signs people in with DigitalOcean. */
export const digitalocean = oauth2Preset(
  {
    name: "digitalocean",
    label: "DigitalOcean",
    sources: [
      "https://docs.digitalocean.com/reference/api/oauth/",
      "https://docs.digitalocean.com/reference/api/digitalocean/#tag/Account",
    ],
    email: "said",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://cloud.digitalocean.com/v1/oauth/authorize",
    token_endpoint: "https://cloud.digitalocean.com/v1/oauth/token",
    revocation_endpoint: "https://cloud.digitalocean.com/v1/oauth/revoke",
    token_endpoint_auth_method: "client_secret_post",
    code_challenge_methods_supported: [],
    scope: "read",
    api: "https://api.digitalocean.com/v2",
    async profile(api) {
      const me = object((await api.json("account")).account);
      return profileOf(me, { id: me.uuid, name: me.name, email: me.email, email_verified: me.email_verified });
    },
  },
);

/** Signs people in with Heroku. */
export const heroku = oauth2Preset(
  {
    name: "heroku",
    label: "Heroku",
    sources: [
      "https://devcenter.heroku.com/articles/oauth",
      "https://devcenter.heroku.com/articles/platform-api-reference#account",
    ],
    email: "not said",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://id.heroku.com/oauth/authorize",
    token_endpoint: "https://id.heroku.com/oauth/token",
    token_endpoint_auth_method: "client_secret_post",
    code_challenge_methods_supported: [],
    scope: "identity",
    api: "https://api.heroku.com",
    headers: { Accept: "application/vnd.heroku+json; version=3" },
    async profile(api) {
      const me = await api.json("account");
      // Its `verified` is about the means of payment, not about the address.
      return profileOf(me, { id: me.id, name: me.name, email: me.email });
    },
  },
);

/** Signs people in with Netlify. */
export const netlify = oauth2Preset(
  {
    name: "netlify",
    label: "Netlify",
    sources: ["https://docs.netlify.com/api/get-started/#oauth2-applications"],
    email: "not said",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://app.netlify.com/authorize",
    token_endpoint: "https://api.netlify.com/oauth/token",
    token_endpoint_auth_method: "client_secret_post",
    code_challenge_methods_supported: [],
    api: "https://api.netlify.com/api/v1",
    async profile(api) {
      const me = await api.json("user");
      return profileOf(me, { id: me.id, name: me.full_name, email: me.email, picture: me.avatar_url });
    },
  },
);

/** Signs people in with Vercel. */
export const vercel = oauth2Preset(
  {
    name: "vercel",
    label: "Vercel",
    sources: [
      "https://vercel.com/docs/sign-in-with-vercel/authorization-server-api",
      "https://vercel.com/docs/sign-in-with-vercel/tokens",
    ],
    email: "said",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://vercel.com/oauth/authorize",
    token_endpoint: "https://api.vercel.com/login/oauth/token",
    revocation_endpoint: "https://api.vercel.com/login/oauth/token/revoke",
    token_endpoint_auth_method: "client_secret_post",
    scope: "openid email profile",
    api: "https://api.vercel.com/login/oauth",
    async profile(api) {
      const me = await api.json("userinfo");
      const { sub, name, preferred_username, email, email_verified, picture } = me;
      return profileOf(me, { id: sub, name, username: preferred_username, email, email_verified, picture });
    },
  },
);

/** Signs people in with Webflow. */
export const webflow = oauth2Preset(
  {
    name: "webflow",
    label: "Webflow",
    sources: [
      "https://developers.webflow.com/data/reference/oauth-app",
      "https://developers.webflow.com/data/reference/token/authorized-by",
    ],
    email: "not said",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://webflow.com/oauth/authorize",
    token_endpoint: "https://api.webflow.com/oauth/access_token",
    token_endpoint_auth_method: "client_secret_post",
    code_challenge_methods_supported: [],
    scope: "authorized_user:read",
    api: "https://api.webflow.com/v2",
    async profile(api) {
      const me = await api.json("token/authorized_by");
      return profileOf(me, { id: me.id, name: fullName(me.firstName, me.lastName), email: me.email });
    },
  },
);

/** Signs people in with WordPress.com. */
export const wordpress = oauth2Preset(
  {
    name: "wordpress",
    label: "WordPress.com",
    sources: [
      "https://developer.wordpress.com/docs/api/oauth2/",
      "https://developer.wordpress.com/docs/api/1.1/get/me/",
    ],
    email: "said",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://public-api.wordpress.com/oauth2/authorize",
    token_endpoint: "https://public-api.wordpress.com/oauth2/token",
    token_endpoint_auth_method: "client_secret_post",
    code_challenge_methods_supported: [],
    scope: "auth",
    api: "https://public-api.wordpress.com/rest/v1.1",
    async profile(api) {
      const me = await api.json("me");
      return profileOf(me, {
        id: me.ID,
        name: text(me.display_name) ?? me.username,
        username: me.username,
        email: me.email,
        email_verified: me.email_verified,
        picture: me.avatar_URL,
      });
    },
  },
);
