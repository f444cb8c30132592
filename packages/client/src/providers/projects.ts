/**
 * Sign in with tools people plan with: Atlassian, Asana, Linear, ClickUp, Basecamp, Trello.
 *
 * RFC 6749 §4.1; RFC 5849 (Trello). Basecamp follows a draft of OAuth 2.
 */
import { oauth1Preset, oauth2Preset } from "../lib/preset.ts";
import { fullName, object, profileOf } from "../lib/read-profile.ts";
import { bearer, scopes } from "../lib/read-tokens.ts";

/** Signs people in with Atlassian (Jira, Confluence). */
export const atlassian = oauth2Preset(
  {
    name: "atlassian",
    label: "Atlassian",
    sources: ["https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/"],
    email: "said",
    confirmed: true,
    note: "A refresh token needs offline_access. Whether an e-mail is verified is given only if the answer says so.",
  },
  {
    authorization_endpoint: "https://auth.atlassian.com/authorize",
    token_endpoint: "https://auth.atlassian.com/oauth/token",
    token_endpoint_auth_method: "client_secret_post",
    code_challenge_methods_supported: [],
    scope: "read:me",
    authorization_params: { audience: "api.atlassian.com", prompt: "consent" },
    api: "https://api.atlassian.com",
    async profile(api) {
      const me = await api.json("me");
      return profileOf(me, {
        id: me.account_id,
        name: me.name,
        username: me.nickname,
        email: me.email,
        email_verified: me.email_verified,
        picture: me.picture,
      });
    },
  },
);

/** Signs people in with Asana. */
export const asana = oauth2Preset(
  {
    name: "asana",
    label: "Asana",
    sources: ["https://developers.asana.com/docs/oauth", "https://developers.asana.com/reference/getuser"],
    email: "not said",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://app.asana.com/-/oauth_authorize",
    token_endpoint: "https://app.asana.com/-/oauth_token",
    revocation_endpoint: "https://app.asana.com/-/oauth_revoke",
    token_endpoint_auth_method: "client_secret_post",
    scope: "users:read",
    api: "https://app.asana.com/api/1.0",
    async profile(api) {
      const me = object((await api.json("users/me?opt_fields=name,email,photo.image_128x128")).data);
      return profileOf(me, { id: me.gid, name: me.name, email: me.email, picture: object(me.photo).image_128x128 });
    },
  },
);

/** Signs people in with Linear. */
export const linear = oauth2Preset(
  {
    name: "linear",
    label: "Linear",
    sources: ["https://linear.app/developers/oauth-2-0-authentication"],
    email: "not said",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://linear.app/oauth/authorize",
    token_endpoint: "https://api.linear.app/oauth/token",
    revocation_endpoint: "https://api.linear.app/oauth/revoke",
    token_endpoint_auth_method: "client_secret_post",
    scope: "read",
    scope_separator: ",",
    api: "https://api.linear.app",
    // A list at first, later a text.
    readTokens: scopes,
    async profile(api) {
      const body = JSON.stringify({ query: "{ viewer { id name displayName email avatarUrl } }" });
      const headers = { "Content-Type": "application/json" };
      const { data } = await api.json("graphql", { method: "POST", headers, body });
      const me = object(object(data).viewer);
      return profileOf(me, {
        id: me.id,
        name: me.name,
        username: me.displayName,
        email: me.email,
        picture: me.avatarUrl,
      });
    },
  },
);

/** Signs people in with ClickUp. */
export const clickup = oauth2Preset(
  {
    name: "clickup",
    label: "ClickUp",
    sources: [
      "https://developer.clickup.com/docs/authentication",
      "https://developer.clickup.com/reference/getauthorizeduser",
    ],
    email: "not said",
    confirmed:
      "Whether the form of RFC 6749 is taken for the token request: the documentation shows parameters in the address.",
  },
  {
    authorization_endpoint: "https://app.clickup.com/api",
    token_endpoint: "https://api.clickup.com/api/v2/oauth/token",
    token_endpoint_auth_method: "client_secret_post",
    code_challenge_methods_supported: [],
    api: "https://api.clickup.com/api/v2",
    readTokens: bearer,
    async profile(api) {
      const me = object((await api.json("user")).user);
      return profileOf(me, { id: me.id, name: me.username, email: me.email, picture: me.profilePicture });
    },
  },
);

/** Signs people in with Basecamp (37signals). */
export const basecamp = oauth2Preset(
  {
    name: "basecamp",
    label: "Basecamp",
    sources: ["https://github.com/basecamp/api/blob/master/sections/authentication.md"],
    email: "not said",
    confirmed: "Refreshing: the draft Basecamp follows asks for type=refresh, and web_server is sent.",
    note: "Access lasts two weeks; then people sign in again. The id is that of the 37signals identity, not of the person in one Basecamp account.",
  },
  {
    authorization_endpoint: "https://launchpad.37signals.com/authorization/new",
    token_endpoint: "https://launchpad.37signals.com/authorization/token",
    token_endpoint_auth_method: "client_secret_post",
    code_challenge_methods_supported: [],
    authorization_params: { type: "web_server" },
    token_params: { type: "web_server" },
    api: "https://launchpad.37signals.com",
    readTokens: bearer,
    async profile(api) {
      const answer = await api.json("authorization.json");
      const me = object(answer.identity);
      return profileOf(answer, { id: me.id, name: fullName(me.first_name, me.last_name), email: me.email_address });
    },
  },
);

/** Signs people in with Trello, by OAuth 1.0a. */
export const trello = oauth1Preset(
  {
    name: "trello",
    label: "Trello",
    sources: [
      "https://developer.atlassian.com/cloud/trello/guides/rest-api/authorization/#using-basic-oauth",
      "https://developer.atlassian.com/cloud/trello/rest/api-group-members/",
    ],
    email: "not said",
    confirmed: true,
    note: "The permission lasts an hour unless authorization_params says expiration: never.",
  },
  {
    request_token_endpoint: "https://trello.com/1/OAuthGetRequestToken",
    authorization_endpoint: "https://trello.com/1/OAuthAuthorizeToken",
    token_endpoint: "https://trello.com/1/OAuthGetAccessToken",
    authorization_params: { scope: "read,account", expiration: "1hour" },
    api: "https://api.trello.com/1",
    async profile(api) {
      const me = await api.json("members/me?fields=id,username,fullName,email,avatarUrl");
      return profileOf(me, {
        id: me.id,
        name: me.fullName,
        username: me.username,
        email: me.email,
        picture: me.avatarUrl,
      });
    },
  },
);
