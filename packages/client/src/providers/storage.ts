/**
 * Sign in with places files are kept: Dropbox, Box, Nextcloud.
 *
 * RFC 6749 §4.1.
 */
import { oauth2Preset } from "../lib/preset.ts";
import { object, profileOf } from "../lib/read-profile.ts";

/** Signs people in with Dropbox. */
export const dropbox = oauth2Preset(
  {
    name: "dropbox",
    label: "Dropbox",
    sources: [
      "https://developers.dropbox.com/oauth-guide",
      "https://www.dropbox.com/developers/documentation/http/documentation#users-get_current_account",
    ],
    email: "said",
    confirmed: true,
    note: 'A refresh token needs authorization_params: { token_access_type: "offline" }.',
  },
  {
    authorization_endpoint: "https://www.dropbox.com/oauth2/authorize",
    token_endpoint: "https://api.dropboxapi.com/oauth2/token",
    scope: "account_info.read",
    api: "https://api.dropboxapi.com/2",
    async profile(api) {
      const me = await api.json("users/get_current_account", { method: "POST" });
      return profileOf(me, {
        id: me.account_id,
        name: object(me.name).display_name,
        email: me.email,
        email_verified: me.email_verified,
        picture: me.profile_photo_url,
      });
    },
  },
);

/** Signs people in with Box. */
export const box = oauth2Preset(
  {
    name: "box",
    label: "Box",
    sources: [
      "https://developer.box.com/guides/authentication/oauth2/",
      "https://developer.box.com/reference/get-users-me/",
    ],
    email: "not said",
    confirmed: true,
    note: "What may be done is set in Box's console.",
  },
  {
    authorization_endpoint: "https://account.box.com/api/oauth2/authorize",
    token_endpoint: "https://api.box.com/oauth2/token",
    revocation_endpoint: "https://api.box.com/oauth2/revoke",
    token_endpoint_auth_method: "client_secret_post",
    code_challenge_methods_supported: [],
    api: "https://api.box.com/2.0",
    async profile(api) {
      const me = await api.json("users/me");
      return profileOf(me, { id: me.id, name: me.name, email: me.login, picture: me.avatar_url });
    },
  },
);

/** Signs people in with a Nextcloud server: `url` is its address. */
export const nextcloud = oauth2Preset(
  {
    name: "nextcloud",
    label: "Nextcloud",
    sources: [
      "https://docs.nextcloud.com/server/latest/admin_manual/configuration_server/oauth2.html",
      "https://docs.nextcloud.com/server/latest/developer_manual/client_apis/OCS/ocs-api-overview.html",
    ],
    email: "not said",
    confirmed: true,
    note: "There are no scopes: the token may do everything the person may.",
  },
  {
    needs: { url: "https://cloud.example.org" },
    at: ({ url }) => ({
      authorization_endpoint: `${url}/apps/oauth2/authorize`,
      token_endpoint: `${url}/apps/oauth2/api/v1/token`,
      code_challenge_methods_supported: [],
      api: `${url}/ocs/v2.php/cloud`,
      headers: { "OCS-APIRequest": "true" },
      async profile(api) {
        const me = object(object((await api.json("user?format=json")).ocs).data);
        return profileOf(me, { id: me.id, name: me.displayname, username: me.id, email: me.email });
      },
    }),
  },
);
