/**
 * Sign in with commons: Wikimedia, OpenStreetMap, ORCID, Mastodon, Discogs, Flickr.
 *
 * RFC 6749 §4.1; RFC 5849 (Discogs, Flickr). ORCID and Flickr say with the token who it is.
 */
import { oauth1Preset, oauth2Preset } from "../lib/preset.ts";
import { object, profileOf, text } from "../lib/read-profile.ts";

/** Signs people in with Wikimedia (Wikipedia). `domain` is that of another MediaWiki with `/w/rest.php`. */
export const wikimedia = oauth2Preset(
  {
    name: "wikimedia",
    label: "Wikimedia",
    sources: ["https://www.mediawiki.org/wiki/OAuth/For_Developers", "https://www.mediawiki.org/wiki/Extension:OAuth"],
    email: "said",
    confirmed: true,
  },
  {
    usual: { domain: "meta.wikimedia.org" },
    at: ({ domain }) => ({
      authorization_endpoint: `https://${domain}/w/rest.php/oauth2/authorize`,
      token_endpoint: `https://${domain}/w/rest.php/oauth2/access_token`,
      token_endpoint_auth_method: "client_secret_post",
      api: `https://${domain}/w/rest.php/oauth2`,
      headers: { "User-Agent": "valetkey" },
      async profile(api) {
        const me = await api.json("resource/profile");
        return profileOf(me, {
          id: me.sub,
          name: text(me.realname) ?? me.username,
          username: me.username,
          email: me.email,
          email_verified: me.confirmed_email,
        });
      },
    }),
  },
);

/** Signs people in with OpenStreetMap. */
export const openstreetmap = oauth2Preset(
  {
    name: "openstreetmap",
    label: "OpenStreetMap",
    sources: ["https://wiki.openstreetmap.org/wiki/OAuth"],
    email: "none",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://www.openstreetmap.org/oauth2/authorize",
    token_endpoint: "https://www.openstreetmap.org/oauth2/token",
    revocation_endpoint: "https://www.openstreetmap.org/oauth2/revoke",
    token_endpoint_auth_method: "client_secret_post",
    scope: "read_prefs",
    api: "https://api.openstreetmap.org/api/0.6",
    async profile(api) {
      const me = object((await api.json("user/details.json")).user);
      return profileOf(me, {
        id: me.id,
        name: me.display_name,
        username: me.display_name,
        picture: object(me.img).href,
      });
    },
  },
);

/** Signs researchers in with ORCID. `domain` is `sandbox.orcid.org` for the sandbox. */
export const orcid = oauth2Preset(
  {
    name: "orcid",
    label: "ORCID",
    sources: ["https://info.orcid.org/documentation/api-tutorials/api-tutorial-get-and-authenticated-orcid-id/"],
    email: "none",
    confirmed: true,
  },
  {
    usual: { domain: "orcid.org" },
    at: ({ domain }) => ({
      authorization_endpoint: `https://${domain}/oauth/authorize`,
      token_endpoint: `https://${domain}/oauth/token`,
      revocation_endpoint: `https://${domain}/oauth/revoke`,
      token_endpoint_auth_method: "client_secret_post",
      code_challenge_methods_supported: [],
      scope: "/authenticate",
      async profile({ tokens }) {
        const { orcid: id, name } = tokens;
        return profileOf({ orcid: id, name }, { id, name });
      },
    }),
  },
);

/** Signs people in with a Mastodon server: `url` is its address. */
export const mastodon = oauth2Preset(
  {
    name: "mastodon",
    label: "Mastodon",
    sources: [
      "https://docs.joinmastodon.org/spec/oauth/",
      "https://docs.joinmastodon.org/methods/accounts/#verify_credentials",
    ],
    email: "none",
    confirmed: true,
    note: "An id counts on its own server only.",
  },
  {
    needs: { url: "https://mastodon.social" },
    at: ({ url }) => ({
      authorization_endpoint: `${url}/oauth/authorize`,
      token_endpoint: `${url}/oauth/token`,
      revocation_endpoint: `${url}/oauth/revoke`,
      token_endpoint_auth_method: "client_secret_post",
      scope: "read:accounts",
      api: `${url}/api/v1`,
      async profile(api) {
        const me = await api.json("accounts/verify_credentials");
        return profileOf(me, {
          id: me.id,
          name: text(me.display_name) ?? me.username,
          username: me.username,
          picture: me.avatar_static,
        });
      },
    }),
  },
);

/** Signs people in with Discogs, by OAuth 1.0a. */
export const discogs = oauth1Preset(
  {
    name: "discogs",
    label: "Discogs",
    sources: ["https://www.discogs.com/developers#page:authentication,header:authentication-oauth-flow"],
    email: "none",
    confirmed: true,
  },
  {
    request_token_endpoint: "https://api.discogs.com/oauth/request_token",
    authorization_endpoint: "https://www.discogs.com/oauth/authorize",
    token_endpoint: "https://api.discogs.com/oauth/access_token",
    api: "https://api.discogs.com",
    async profile(api) {
      const me = await api.json("oauth/identity");
      return profileOf(me, { id: me.id, name: me.username, username: me.username });
    },
  },
);

/** Signs people in with Flickr, by OAuth 1.0a. */
export const flickr = oauth1Preset(
  {
    name: "flickr",
    label: "Flickr",
    sources: [
      "https://www.flickr.com/services/api/auth.oauth.html",
      "https://www.flickr.com/services/api/flickr.test.login.html",
    ],
    email: "none",
    confirmed: true,
  },
  {
    request_token_endpoint: "https://www.flickr.com/services/oauth/request_token",
    authorization_endpoint: "https://www.flickr.com/services/oauth/authorize",
    token_endpoint: "https://www.flickr.com/services/oauth/access_token",
    authorization_params: { perms: "read" },
    api: "https://api.flickr.com/services/rest",
    async profile(api) {
      const answer = await api.json("?method=flickr.test.login&format=json&nojsoncallback=1");
      const me = object(answer.user);
      const username = object(me.username)._content;
      return profileOf(answer, { id: me.id, name: text(api.tokens.fullname) ?? username, username });
    },
  },
);
