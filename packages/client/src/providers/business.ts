/**
 * Sign in with software businesses run on: Salesforce, HubSpot, Mailchimp, Intuit, Zoho, Eventbrite, FreshBooks.
 *
 * RFC 6749 §4.1. Eventbrite says of each address whether it is verified; Mailchimp writes 0 and null where it means "not given".
 */
import { oauth2Preset } from "../lib/preset.ts";
import { fullName, list, object, profileOf, text, verifiedEmail } from "../lib/read-profile.ts";
import { chain, lifetime, scopes } from "../lib/read-tokens.ts";

/** Signs people in with Salesforce. `domain` is `test.salesforce.com` for a sandbox, or one's own My Domain. */
export const salesforce = oauth2Preset(
  {
    name: "salesforce",
    label: "Salesforce",
    sources: [
      "https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_web_server_flow.htm",
      "https://help.salesforce.com/s/articleView?id=sf.remoteaccess_using_userinfo_endpoint.htm",
    ],
    email: "said",
    confirmed: true,
    note: "The address of the organisation's own API is instance_url in the token answer: add it to resource.",
  },
  {
    usual: { domain: "login.salesforce.com" },
    at: ({ domain }) => ({
      authorization_endpoint: `https://${domain}/services/oauth2/authorize`,
      token_endpoint: `https://${domain}/services/oauth2/token`,
      revocation_endpoint: `https://${domain}/services/oauth2/revoke`,
      scope: "openid profile email",
      api: `https://${domain}/services/oauth2`,
      async profile(api) {
        const me = await api.json("userinfo");
        return profileOf(me, {
          // `sub` is an address with the domain in it, which can change.
          id: fullName(me.organization_id, me.user_id)?.replace(" ", "/"),
          name: me.name,
          username: me.preferred_username,
          email: me.email,
          email_verified: me.email_verified,
          picture: me.picture,
        });
      },
    }),
  },
);

/** Signs people in with HubSpot. */
export const hubspot = oauth2Preset(
  {
    name: "hubspot",
    label: "HubSpot",
    sources: [
      "https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/oauth/working-with-oauth",
      "https://developers.hubspot.com/docs/api-reference/auth-oauth-v1/guide",
    ],
    email: "not said",
    confirmed: true,
    note: "The account (portal) is the claim hub_id.",
  },
  {
    authorization_endpoint: "https://app.hubspot.com/oauth/authorize",
    token_endpoint: "https://api.hubapi.com/oauth/v1/token",
    token_endpoint_auth_method: "client_secret_post",
    code_challenge_methods_supported: [],
    scope: "oauth",
    api: "https://api.hubapi.com",
    async profile(api) {
      const token = encodeURIComponent(String(api.tokens.access_token));
      const me = await api.json(`oauth/v1/access-tokens/${token}`);
      // The answer repeats the token, which has no place among claims.
      const { token: _, ...claims } = me;
      return profileOf(claims, { id: me.user_id, name: me.user, email: me.user });
    },
  },
);

/** Signs people in with Mailchimp. */
export const mailchimp = oauth2Preset(
  {
    name: "mailchimp",
    label: "Mailchimp",
    sources: ["https://mailchimp.com/developer/marketing/guides/access-user-data-oauth-2/"],
    email: "not said",
    confirmed: true,
    note: "Its API lives at the claim api_endpoint: add it to resource.",
  },
  {
    authorization_endpoint: "https://login.mailchimp.com/oauth2/authorize",
    token_endpoint: "https://login.mailchimp.com/oauth2/token",
    token_endpoint_auth_method: "client_secret_post",
    code_challenge_methods_supported: [],
    api: "https://login.mailchimp.com/oauth2",
    readTokens: chain(lifetime, scopes),
    async profile(api) {
      const headers = { Authorization: `OAuth ${String(api.tokens.access_token)}` };
      const answer = await api.json("metadata", { headers });
      const me = object(answer.login);
      return profileOf(answer, {
        id: me.login_id,
        name: me.login_name,
        username: me.login_name,
        email: text(me.login_email) ?? me.email,
        picture: me.avatar,
      });
    },
  },
);

/** Signs people in with Intuit (QuickBooks). */
export const intuit = oauth2Preset(
  {
    name: "intuit",
    label: "Intuit",
    sources: [
      "https://developer.intuit.com/app/developer/qbo/docs/develop/authentication-and-authorization/oauth-2.0",
      "https://developer.intuit.com/app/developer/qbo/docs/develop/authentication-and-authorization/openid-connect",
    ],
    email: "said",
    confirmed: true,
    note: "The company is realmId in the answer that comes through the browser.",
  },
  {
    authorization_endpoint: "https://appcenter.intuit.com/connect/oauth2",
    token_endpoint: "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer",
    revocation_endpoint: "https://developer.api.intuit.com/v2/oauth2/tokens/revoke",
    code_challenge_methods_supported: [],
    scope: "openid profile email",
    api: "https://accounts.platform.intuit.com/v1/openid_connect",
    async profile(api) {
      const me = await api.json("userinfo");
      return profileOf(me, {
        id: me.sub,
        name: fullName(me.givenName, me.familyName),
        email: me.email,
        email_verified: me.emailVerified,
      });
    },
  },
);

/** Signs people in with Zoho. `domain` is that of the data centre: `accounts.zoho.eu`, `accounts.zoho.in` … */
export const zoho = oauth2Preset(
  {
    name: "zoho",
    label: "Zoho",
    sources: ["https://www.zoho.com/accounts/protocol/oauth/web-apps/authorization.html"],
    email: "not said",
    confirmed:
      "People of other data centres: Zoho names theirs in the callback, and the token would have to be fetched there.",
  },
  {
    usual: { domain: "accounts.zoho.com" },
    at: ({ domain }) => ({
      authorization_endpoint: `https://${domain}/oauth/v2/auth`,
      token_endpoint: `https://${domain}/oauth/v2/token`,
      revocation_endpoint: `https://${domain}/oauth/v2/token/revoke`,
      token_endpoint_auth_method: "client_secret_post",
      code_challenge_methods_supported: [],
      scope: "AaaServer.profile.Read",
      scope_separator: ",",
      api: `https://${domain}/oauth`,
      async profile(api) {
        const me = await api.json("user/info");
        return profileOf(me, {
          id: me.ZUID,
          name: text(me.Display_Name) ?? fullName(me.First_Name, me.Last_Name),
          email: me.Email,
        });
      },
    }),
  },
);

/** Signs people in with Eventbrite. */
export const eventbrite = oauth2Preset(
  {
    name: "eventbrite",
    label: "Eventbrite",
    sources: ["https://www.eventbrite.com/platform/api#/introduction/authentication"],
    email: "verified only",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://www.eventbrite.com/oauth/authorize",
    token_endpoint: "https://www.eventbrite.com/oauth/token",
    token_endpoint_auth_method: "client_secret_post",
    code_challenge_methods_supported: [],
    api: "https://www.eventbriteapi.com/v3",
    async profile(api) {
      const me = await api.json("users/me/");
      const addresses = list(me.emails).map(object);
      return profileOf(me, {
        id: me.id,
        name: me.name,
        ...verifiedEmail(addresses.map(({ email, primary, verified }) => ({ email, primary, verified }))),
      });
    },
  },
);

/** Signs people in with FreshBooks. */
export const freshbooks = oauth2Preset(
  {
    name: "freshbooks",
    label: "FreshBooks",
    sources: ["https://www.freshbooks.com/api/authentication", "https://www.freshbooks.com/api/me_endpoint"],
    email: "not said",
    confirmed: "Whether the form of RFC 6749 is taken for the token request; the documentation shows JSON.",
  },
  {
    authorization_endpoint: "https://auth.freshbooks.com/oauth/authorize/",
    token_endpoint: "https://api.freshbooks.com/auth/oauth/token",
    token_endpoint_auth_method: "client_secret_post",
    code_challenge_methods_supported: [],
    scope: "user:profile:read",
    api: "https://api.freshbooks.com/auth/api/v1",
    async profile(api) {
      const me = object((await api.json("users/me")).response);
      return profileOf(me, { id: me.id, name: fullName(me.first_name, me.last_name), email: me.email });
    },
  },
);
