/**
 * Sign in with places people write and draw: Notion, Figma, Todoist.
 *
 * RFC 6749 §4.1. Notion says with the token whose it is.
 */
import { oauth2Preset } from "../lib/preset.ts";
import { object, profileOf, text } from "../lib/read-profile.ts";

/** Signs people in with Notion. What may be read is set with the integration: "user information including e-mail". */
export const notion = oauth2Preset(
  {
    name: "notion",
    label: "Notion",
    sources: [
      "https://developers.notion.com/guides/get-started/authorization",
      "https://developers.notion.com/reference/create-a-token",
    ],
    email: "not said",
    confirmed: true,
    note: "An integration owned by a workspace signs nobody in.",
  },
  {
    authorization_endpoint: "https://api.notion.com/v1/oauth/authorize",
    token_endpoint: "https://api.notion.com/v1/oauth/token",
    code_challenge_methods_supported: [],
    authorization_params: { owner: "user" },
    api: "https://api.notion.com/v1",
    headers: { "Notion-Version": "2022-06-28" },
    async profile({ tokens }) {
      // users/me would be the bot.
      const me = object(object(tokens.owner).user);
      return profileOf(me, { id: me.id, name: me.name, email: object(me.person).email, picture: me.avatar_url });
    },
  },
);

/** Signs people in with Figma. */
export const figma = oauth2Preset(
  {
    name: "figma",
    label: "Figma",
    sources: [
      "https://developers.figma.com/docs/rest-api/authentication/",
      "https://developers.figma.com/docs/rest-api/users-endpoints/",
    ],
    email: "not said",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://www.figma.com/oauth",
    token_endpoint: "https://api.figma.com/v1/oauth/token",
    scope: "current_user:read",
    api: "https://api.figma.com/v1",
    async profile(api) {
      const me = await api.json("me");
      return profileOf(me, { id: me.id, name: me.handle, username: me.handle, email: me.email, picture: me.img_url });
    },
  },
);

/** Signs people in with Todoist. */
export const todoist = oauth2Preset(
  {
    name: "todoist",
    label: "Todoist",
    sources: [
      "https://developer.todoist.com/api/v1/#tag/Authorization/OAuth",
      "https://developer.todoist.com/api/v1/#tag/User",
    ],
    email: "not said",
    confirmed: "The address of the profile: the documentation of API v1 could not be read.",
  },
  {
    authorization_endpoint: "https://todoist.com/oauth/authorize",
    token_endpoint: "https://todoist.com/oauth/access_token",
    token_endpoint_auth_method: "client_secret_post",
    code_challenge_methods_supported: [],
    scope: "data:read",
    scope_separator: ",",
    api: "https://api.todoist.com/api/v1",
    async profile(api) {
      const me = await api.json("user");
      return profileOf(me, {
        id: me.id,
        name: me.full_name,
        email: me.email,
        picture: text(me.avatar_big) ?? me.avatar_medium,
      });
    },
  },
);
