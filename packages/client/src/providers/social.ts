/**
 * Sign in with places people post: TikTok, Snapchat, Reddit, Pinterest, Tumblr, Dribbble.
 *
 * RFC 6749 §4.1; RFC 5849 (Tumblr). TikTok calls the client's id `client_key` and nests its answers. None of them gives an
 * e-mail.
 */
import { ClientError } from "../client-error.ts";
import { oauth1Preset, oauth2Preset } from "../lib/preset.ts";
import { list, object, profileOf, text } from "../lib/read-profile.ts";

/** Signs people in with TikTok. `client_id` is TikTok's client key. */
export const tiktok = oauth2Preset(
  {
    name: "tiktok",
    label: "TikTok",
    sources: [
      "https://developers.tiktok.com/doc/oauth-user-access-token-management",
      "https://developers.tiktok.com/doc/login-kit-web",
      "https://developers.tiktok.com/doc/tiktok-api-v2-get-user-info",
    ],
    email: "none",
    confirmed: true,
    note: "Without PKCE: TikTok has it, with a spelling of its own, for mobile and desktop only.",
  },
  {
    authorization_endpoint: "https://www.tiktok.com/v2/auth/authorize/",
    token_endpoint: "https://open.tiktokapis.com/v2/oauth/token/",
    token_endpoint_auth_method: "client_secret_post",
    code_challenge_methods_supported: [],
    scope: "user.info.basic",
    scope_separator: ",",
    authorization_params: ({ client_id }) => ({ client_key: client_id }),
    token_params: ({ client_id }) => ({ client_key: client_id }),
    api: "https://open.tiktokapis.com/v2",
    async profile(api) {
      const { data, error } = await api.json("user/info/?fields=open_id,union_id,avatar_url,display_name");
      const { code } = object(error);
      // Failures come with 200 as well.
      if (code !== undefined && code !== "ok") throw new ClientError("userinfo_invalid", "TikTok refused the profile");
      const me = object(object(data).user);
      return profileOf(me, { id: me.open_id, name: me.display_name, picture: me.avatar_url });
    },
  },
);

/** Signs people in with Snapchat. */
export const snapchat = oauth2Preset(
  {
    name: "snapchat",
    label: "Snapchat",
    sources: ["https://developers.snap.com/snap-kit/login-kit/Tutorials/web"],
    email: "none",
    confirmed: "The address of the profile API: kit.snapchat.com in some places, api.snapkit.com in others.",
  },
  {
    authorization_endpoint: "https://accounts.snapchat.com/accounts/oauth2/auth",
    token_endpoint: "https://accounts.snapchat.com/accounts/oauth2/token",
    scope: ["user.external_id", "user.display_name"]
      .map((one) => `https://auth.snapchat.com/oauth2/api/${one}`)
      .join(" "),
    api: "https://kit.snapchat.com/v1",
    async profile(api) {
      const body = JSON.stringify({ query: "{ me { externalId displayName } }" });
      const { data } = await api.json("me", { method: "POST", headers: { "Content-Type": "application/json" }, body });
      const me = object(object(data).me);
      return profileOf(me, { id: me.externalId, name: me.displayName });
    },
  },
);

/** Signs people in with Reddit. */
export const reddit = oauth2Preset(
  {
    name: "reddit",
    label: "Reddit",
    sources: ["https://github.com/reddit-archive/reddit/wiki/OAuth2", "https://www.reddit.com/dev/api/#GET_api_v1_me"],
    email: "none",
    confirmed: true,
    note: 'A refresh token needs authorization_params: { duration: "permanent" }.',
  },
  {
    authorization_endpoint: "https://www.reddit.com/api/v1/authorize",
    token_endpoint: "https://www.reddit.com/api/v1/access_token",
    revocation_endpoint: "https://www.reddit.com/api/v1/revoke_token",
    code_challenge_methods_supported: [],
    scope: "identity",
    api: "https://oauth.reddit.com/api/v1",
    headers: { "User-Agent": "web:valetkey:v1" },
    async profile(api) {
      const me = await api.json("me");
      // The address of the picture is escaped for HTML, with a signature behind the question mark.
      const picture = text(me.icon_img)?.replaceAll("&amp;", "&");
      return profileOf(me, { id: me.id, name: me.name, username: me.name, picture });
    },
  },
);

/** Signs people in with Pinterest. */
export const pinterest = oauth2Preset(
  {
    name: "pinterest",
    label: "Pinterest",
    sources: [
      "https://developers.pinterest.com/docs/getting-started/set-up-authentication-and-authorization/",
      "https://developers.pinterest.com/docs/api/v5/user_account-get",
    ],
    email: "none",
    confirmed: "That every account has an id: it is newer than the clients that were compared.",
  },
  {
    authorization_endpoint: "https://www.pinterest.com/oauth/",
    token_endpoint: "https://api.pinterest.com/v5/oauth/token",
    code_challenge_methods_supported: [],
    scope: "user_accounts:read",
    scope_separator: ",",
    api: "https://api.pinterest.com/v5",
    async profile(api) {
      const me = await api.json("user_account");
      return profileOf(me, { id: me.id, name: me.username, username: me.username, picture: me.profile_image });
    },
  },
);

/** Signs people in with Dribbble. */
export const dribbble = oauth2Preset(
  {
    name: "dribbble",
    label: "Dribbble",
    sources: ["https://developer.dribbble.com/v2/oauth/", "https://developer.dribbble.com/v2/user/"],
    email: "none",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://dribbble.com/oauth/authorize",
    token_endpoint: "https://dribbble.com/oauth/token",
    token_endpoint_auth_method: "client_secret_post",
    code_challenge_methods_supported: [],
    scope: "public",
    api: "https://api.dribbble.com/v2",
    async profile(api) {
      const me = await api.json("user");
      return profileOf(me, { id: me.id, name: me.name, username: me.login, picture: me.avatar_url });
    },
  },
);

/** Signs people in with Tumblr, by OAuth 1.0a. */
export const tumblr = oauth1Preset(
  {
    name: "tumblr",
    label: "Tumblr",
    sources: ["https://www.tumblr.com/docs/en/api/v2#oauth1-authorization"],
    email: "none",
    confirmed:
      "That every account's primary blog has a uuid; without it the sign-in fails, because names can change hands.",
  },
  {
    request_token_endpoint: "https://www.tumblr.com/oauth/request_token",
    authorization_endpoint: "https://www.tumblr.com/oauth/authorize",
    token_endpoint: "https://www.tumblr.com/oauth/access_token",
    api: "https://api.tumblr.com/v2",
    async profile(api) {
      const me = object(object((await api.json("user/info")).response).user);
      const primary = list(me.blogs)
        .map(object)
        .find((blog) => blog.primary === true);
      return profileOf(me, { id: primary?.uuid, name: me.name, username: me.name });
    },
  },
);
