/**
 * Sign in with services people talk on: Discord, Slack, Zoom, Webex, Mattermost.
 *
 * RFC 6749 §4.1, OpenID Connect Core §3.1 (Slack).
 */
import { oauth2Preset, oidcPreset } from "../lib/preset.ts";
import { fullName, list, profileOf, text } from "../lib/read-profile.ts";

/** Signs people in with Discord. An account may have no e-mail: then it is null there and absent here. */
export const discord = oauth2Preset(
  {
    name: "discord",
    label: "Discord",
    sources: [
      "https://docs.discord.com/developers/topics/oauth2",
      "https://docs.discord.com/developers/resources/user#user-object",
    ],
    email: "said",
    confirmed: true,
    note: "Without PKCE: Discord has it for public clients only.",
  },
  {
    authorization_endpoint: "https://discord.com/oauth2/authorize",
    token_endpoint: "https://discord.com/api/oauth2/token",
    revocation_endpoint: "https://discord.com/api/oauth2/token/revoke",
    code_challenge_methods_supported: [],
    scope: "identify email",
    api: "https://discord.com/api",
    async profile(api) {
      const me = await api.json("users/@me");
      const { id, avatar } = me;
      return profileOf(me, {
        id,
        name: text(me.global_name) ?? me.username,
        username: me.username,
        email: me.email,
        email_verified: me.verified,
        picture: text(avatar) === undefined ? undefined : `https://cdn.discordapp.com/avatars/${id}/${avatar}.png`,
      });
    },
  },
);

/** Signs people in with Slack. */
export const slack = oidcPreset(
  {
    name: "slack",
    label: "Slack",
    sources: [
      "https://docs.slack.dev/authentication/sign-in-with-slack/",
      "https://docs.slack.dev/reference/methods/openid.connect.userInfo",
    ],
    email: "said",
    confirmed: true,
    note: "The workspace is the claim https://slack.com/team_id. Without PKCE: the nonce binds the code.",
  },
  {
    issuer: "https://slack.com",
    token_endpoint_auth_method: "client_secret_post",
    metadata: { code_challenge_methods_supported: [] },
  },
);

/** Signs people in with Zoom. Scopes are chosen in Zoom's marketplace; it must contain one that reads the user. */
export const zoom = oauth2Preset(
  {
    name: "zoom",
    label: "Zoom",
    sources: [
      "https://developers.zoom.us/docs/integrations/oauth/",
      "https://developers.zoom.us/docs/api/users/#tag/users/GET/users/{userId}",
    ],
    email: "said",
    confirmed: true,
    note: "Scopes are chosen in Zoom's marketplace: user:read:user among them.",
  },
  {
    authorization_endpoint: "https://zoom.us/oauth/authorize",
    token_endpoint: "https://zoom.us/oauth/token",
    revocation_endpoint: "https://zoom.us/oauth/revoke",
    api: "https://api.zoom.us/v2",
    async profile(api) {
      const me = await api.json("users/me");
      return profileOf(me, {
        id: me.id,
        name: text(me.display_name) ?? fullName(me.first_name, me.last_name),
        email: me.email,
        // 1: the address was verified; 0: it was not.
        email_verified: me.verified === 1,
        picture: me.pic_url,
      });
    },
  },
);

/** Signs people in with Webex. */
export const webex = oauth2Preset(
  {
    name: "webex",
    label: "Webex",
    sources: [
      "https://developer.webex.com/create/docs/integrations",
      "https://developer.webex.com/messaging/docs/api/v1/people/get-my-own-details",
    ],
    email: "not said",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://webexapis.com/v1/authorize",
    token_endpoint: "https://webexapis.com/v1/access_token",
    token_endpoint_auth_method: "client_secret_post",
    scope: "spark:people_read",
    api: "https://webexapis.com/v1",
    async profile(api) {
      const me = await api.json("people/me");
      return profileOf(me, { id: me.id, name: me.displayName, email: list(me.emails)[0], picture: me.avatar });
    },
  },
);

/** Signs people in with a Mattermost server: `url` is its address. */
export const mattermost = oauth2Preset(
  {
    name: "mattermost",
    label: "Mattermost",
    sources: ["https://developers.mattermost.com/integrate/apps/authentication/oauth2/"],
    email: "said",
    confirmed: true,
  },
  {
    needs: { url: "https://chat.example.org" },
    at: ({ url }) => ({
      authorization_endpoint: `${url}/oauth/authorize`,
      token_endpoint: `${url}/oauth/access_token`,
      token_endpoint_auth_method: "client_secret_post",
      code_challenge_methods_supported: [],
      api: `${url}/api/v4`,
      async profile(api) {
        const me = await api.json("users/me");
        return profileOf(me, {
          id: me.id,
          name: fullName(me.first_name, me.last_name) ?? me.username,
          username: me.username,
          email: me.email,
          email_verified: me.email_verified,
        });
      },
    }),
  },
);
