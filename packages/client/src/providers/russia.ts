/**
 * Sign in with Yandex and VK.
 *
 * RFC 6749 §4.1. Yandex takes tokens with a scheme of its own, "OAuth". VK gives the e-mail with the token and never again.
 */
import { oauth2Preset } from "../lib/preset.ts";
import { fullName, list, object, profileOf, text } from "../lib/read-profile.ts";
import { bearer, chain, lifetime } from "../lib/read-tokens.ts";

/** Signs people in with Yandex. */
export const yandex = oauth2Preset(
  {
    name: "yandex",
    label: "Yandex",
    sources: ["https://yandex.com/dev/id/doc/en/codes/code-url", "https://yandex.com/dev/id/doc/en/user-information"],
    email: "not said",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://oauth.yandex.com/authorize",
    token_endpoint: "https://oauth.yandex.com/token",
    revocation_endpoint: "https://oauth.yandex.com/revoke_token",
    scope: "login:info login:email login:avatar",
    api: "https://login.yandex.ru",
    async profile(api) {
      const headers = { Authorization: `OAuth ${String(api.tokens.access_token)}` };
      const me = await api.json("info?format=json", { headers });
      const avatar = me.is_avatar_empty === true ? undefined : text(me.default_avatar_id);
      return profileOf(me, {
        id: me.id,
        name: text(me.real_name) ?? me.display_name,
        username: me.login,
        email: me.default_email,
        picture: avatar === undefined ? undefined : `https://avatars.yandex.net/get-yapic/${avatar}/islands-200`,
      });
    },
  },
);

/** Signs people in with VK, for apps registered at vk.com. */
export const vk = oauth2Preset(
  {
    name: "vk",
    label: "VK",
    sources: [
      "https://dev.vk.com/en/api/access-token/authcode-flow-user",
      "https://dev.vk.com/en/method/users.get",
      "https://id.vk.com/about/business/go/docs/en/vkid/latest/vk-id/connection/api-integration/api-description",
    ],
    email: "not said",
    confirmed:
      "Serves apps of oauth.vk.com. Apps registered at VK ID (id.vk.com) need the device_id of the callback in the token request, which is not supported.",
    note: "The e-mail comes with the token, at the sign-in only.",
  },
  {
    authorization_endpoint: "https://oauth.vk.com/authorize",
    token_endpoint: "https://oauth.vk.com/access_token",
    token_endpoint_auth_method: "client_secret_post",
    code_challenge_methods_supported: [],
    scope: "email",
    scope_separator: ",",
    authorization_params: { v: "5.199" },
    api: "https://api.vk.com/method",
    // 0 means for ever; there is no token_type.
    readTokens: chain(bearer, lifetime),
    async profile(api) {
      const { response } = await api.json("users.get?fields=photo_200,screen_name&v=5.199");
      const me = object(list(response)[0]);
      return profileOf(me, {
        id: me.id,
        name: fullName(me.first_name, me.last_name),
        username: me.screen_name,
        email: api.tokens.email,
        picture: me.photo_200,
      });
    },
  },
);
