/**
 * Sign in with places people play: Battle.net, Epic Games, Roblox, Bungie, osu!, Lichess; and AniList.
 *
 * RFC 6749 §4.1, OpenID Connect Core §3.1 (Roblox). None of them gives an e-mail, except Lichess.
 */
import { oauth2Preset, oidcPreset } from "../lib/preset.ts";
import { object, profileOf, text } from "../lib/read-profile.ts";

/** Signs people in with Battle.net, everywhere but in China. */
export const battlenet = oauth2Preset(
  {
    name: "battlenet",
    label: "Battle.net",
    sources: [
      "https://develop.battle.net/documentation/guides/using-oauth",
      "https://develop.battle.net/documentation/battle-net/oauth-apis",
    ],
    email: "none",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://oauth.battle.net/authorize",
    token_endpoint: "https://oauth.battle.net/token",
    code_challenge_methods_supported: [],
    scope: "openid",
    api: "https://oauth.battle.net",
    async profile(api) {
      const me = await api.json("userinfo");
      return profileOf(me, { id: me.id, name: me.battletag, username: me.battletag });
    },
  },
);

/** Signs people in with Epic Games. */
export const epicgames = oauth2Preset(
  {
    name: "epicgames",
    label: "Epic Games",
    sources: ["https://dev.epicgames.com/docs/web-api-ref/authentication"],
    email: "none",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://www.epicgames.com/id/authorize",
    token_endpoint: "https://api.epicgames.dev/epic/oauth/v2/token",
    revocation_endpoint: "https://api.epicgames.dev/epic/oauth/v2/revoke",
    code_challenge_methods_supported: [],
    scope: "basic_profile",
    api: "https://api.epicgames.dev/epic/oauth/v2",
    async profile(api) {
      const me = await api.json("userInfo");
      return profileOf(me, { id: me.sub, name: me.preferred_username, username: me.preferred_username });
    },
  },
);

/** Signs people in with Roblox. */
export const roblox = oidcPreset(
  {
    name: "roblox",
    label: "Roblox",
    sources: [
      "https://create.roblox.com/docs/cloud/auth/oauth2-overview",
      "https://create.roblox.com/docs/cloud/auth/oauth2-reference",
    ],
    email: "none",
    confirmed: "That ID tokens are signed with ES256: the pages that could be read do not say.",
  },
  {
    issuer: "https://apis.roblox.com/oauth/",
    scope: "openid profile",
    id_token_signed_response_alg: "ES256",
    token_endpoint_auth_method: "client_secret_post",
  },
);

/** Signs people in with Bungie.net. `api_key` comes with the application's registration. */
export const bungie = oauth2Preset(
  {
    name: "bungie",
    label: "Bungie.net",
    sources: ["https://github.com/Bungie-net/api/wiki/OAuth-Documentation", "https://bungie-net.github.io/"],
    email: "none",
    confirmed: true,
    note: "There are no scopes: what is allowed is set at the registration.",
  },
  {
    needs: { api_key: "the key of the application" },
    at: ({ api_key }) => ({
      authorization_endpoint: "https://www.bungie.net/en/OAuth/Authorize",
      token_endpoint: "https://www.bungie.net/Platform/App/OAuth/token/",
      code_challenge_methods_supported: [],
      api: "https://www.bungie.net/Platform",
      headers: { "X-API-Key": api_key },
      async profile(api) {
        const me = object((await api.json("User/GetCurrentBungieNetUser/")).Response);
        const path = text(me.profilePicturePath);
        return profileOf(me, {
          id: me.membershipId,
          name: me.displayName,
          username: me.uniqueName,
          picture: path?.startsWith("/") ? `https://www.bungie.net${path}` : undefined,
        });
      },
    }),
  },
);

/** Signs people in with osu!. */
export const osu = oauth2Preset(
  {
    name: "osu",
    label: "osu!",
    sources: ["https://osu.ppy.sh/docs/index.html#authentication", "https://osu.ppy.sh/docs/index.html#get-own-data"],
    email: "none",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://osu.ppy.sh/oauth/authorize",
    token_endpoint: "https://osu.ppy.sh/oauth/token",
    token_endpoint_auth_method: "client_secret_post",
    code_challenge_methods_supported: [],
    scope: "identify",
    api: "https://osu.ppy.sh/api/v2",
    async profile(api) {
      const me = await api.json("me");
      return profileOf(me, { id: me.id, name: me.username, username: me.username, picture: me.avatar_url });
    },
  },
);

/** Signs people in with Lichess, where nobody registers: `client_id` is any name the application gives itself. */
export const lichess = oauth2Preset(
  {
    name: "lichess",
    label: "Lichess",
    sources: ["https://lichess.org/api#tag/OAuth", "https://lichess.org/api#tag/Account/operation/accountEmail"],
    email: "not said",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://lichess.org/oauth",
    token_endpoint: "https://lichess.org/api/token",
    token_endpoint_auth_method: "none",
    scope: "email:read",
    api: "https://lichess.org/api",
    async profile(api) {
      const me = await api.json("account");
      const { email } = await api.json("account/email");
      return profileOf(me, { id: me.id, name: me.username, username: me.username, email });
    },
  },
);

/** Signs people in with AniList. */
export const anilist = oauth2Preset(
  {
    name: "anilist",
    label: "AniList",
    sources: ["https://docs.anilist.co/guide/auth/authorization-code", "https://docs.anilist.co/reference/object/user"],
    email: "none",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://anilist.co/api/v2/oauth/authorize",
    token_endpoint: "https://anilist.co/api/v2/oauth/token",
    token_endpoint_auth_method: "client_secret_post",
    code_challenge_methods_supported: [],
    api: "https://graphql.anilist.co",
    async profile(api) {
      const body = JSON.stringify({ query: "{ Viewer { id name avatar { large } } }" });
      const headers = { "Content-Type": "application/json" };
      const { data } = await api.json("", { method: "POST", headers, body });
      const me = object(object(data).Viewer);
      return profileOf(me, { id: me.id, name: me.name, username: me.name, picture: object(me.avatar).large });
    },
  },
);
