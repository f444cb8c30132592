/**
 * Sign in with places people watch and listen: Spotify, Twitch, Kick, Vimeo.
 *
 * RFC 6749 §4.1, RFC 7636. Twitch lists scopes in an array and wants the client's id with each API request.
 * Guarantees that Spotify's e-mail, which Spotify itself calls unverified, never counts as verified.
 */
import { oauth2Preset } from "../lib/preset.ts";
import { list, object, profileOf, text } from "../lib/read-profile.ts";
import { scopes } from "../lib/read-tokens.ts";

/** Signs people in with Spotify. */
export const spotify = oauth2Preset(
  {
    name: "spotify",
    label: "Spotify",
    sources: [
      "https://developer.spotify.com/documentation/web-api/tutorials/code-pkce-flow",
      "https://developer.spotify.com/documentation/web-api/reference/get-current-users-profile",
    ],
    email: "not verified",
    confirmed: true,
    note: "Spotify says that the e-mail is not verified.",
  },
  {
    authorization_endpoint: "https://accounts.spotify.com/authorize",
    token_endpoint: "https://accounts.spotify.com/api/token",
    scope: "user-read-email user-read-private",
    api: "https://api.spotify.com/v1",
    async profile(api) {
      const me = await api.json("me");
      return profileOf(me, {
        id: me.id,
        name: me.display_name,
        email: me.email,
        email_verified: false,
        picture: object(list(me.images)[0]).url,
      });
    },
  },
);

/** Signs people in with Twitch. */
export const twitch = oauth2Preset(
  {
    name: "twitch",
    label: "Twitch",
    sources: [
      "https://dev.twitch.tv/docs/authentication/getting-tokens-oauth/#authorization-code-grant-flow",
      "https://dev.twitch.tv/docs/api/reference/#get-users",
    ],
    email: "verified only",
    confirmed: true,
    note: "Twitch gives an e-mail only if it is verified.",
  },
  {
    issuer: "https://id.twitch.tv/oauth2",
    authorization_endpoint: "https://id.twitch.tv/oauth2/authorize",
    token_endpoint: "https://id.twitch.tv/oauth2/token",
    revocation_endpoint: "https://id.twitch.tv/oauth2/revoke",
    token_endpoint_auth_method: "client_secret_post",
    code_challenge_methods_supported: [],
    scope: "user:read:email",
    api: "https://api.twitch.tv/helix",
    headers: ({ client_id }) => ({ "Client-Id": client_id }),
    readTokens: scopes,
    async profile(api) {
      const { data } = await api.json("users");
      const me = object(list(data)[0]);
      return profileOf(me, {
        id: me.id,
        name: me.display_name,
        username: me.login,
        email: me.email,
        email_verified: true,
        picture: me.profile_image_url,
      });
    },
  },
);

/** Signs people in with Kick. */
export const kick = oauth2Preset(
  {
    name: "kick",
    label: "Kick",
    sources: [
      "https://docs.kick.com/getting-started/generating-tokens-oauth2-flow",
      "https://docs.kick.com/apis/users",
    ],
    email: "not said",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://id.kick.com/oauth/authorize",
    token_endpoint: "https://id.kick.com/oauth/token",
    token_endpoint_auth_method: "client_secret_post",
    scope: "user:read",
    api: "https://api.kick.com/public/v1",
    async profile(api) {
      const { data } = await api.json("users");
      const me = object(list(data)[0]);
      return profileOf(me, { id: me.user_id, name: me.name, email: me.email, picture: me.profile_picture });
    },
  },
);

/** Signs people in with Vimeo. */
export const vimeo = oauth2Preset(
  {
    name: "vimeo",
    label: "Vimeo",
    sources: ["https://developer.vimeo.com/api/authentication", "https://developer.vimeo.com/api/reference/users"],
    email: "none",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://api.vimeo.com/oauth/authorize",
    token_endpoint: "https://api.vimeo.com/oauth/access_token",
    code_challenge_methods_supported: [],
    scope: "public",
    api: "https://api.vimeo.com",
    headers: { Accept: "application/vnd.vimeo.*+json;version=3.4" },
    async profile(api) {
      const me = await api.json("me?fields=uri,name,link,pictures.base_link");
      // "/users/12345": there is no other id.
      const id = /^\/users\/(\d+)$/.exec(text(me.uri) ?? "")?.[1];
      return profileOf(me, { id, name: me.name, picture: object(me.pictures).base_link });
    },
  },
);
