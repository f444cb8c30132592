/**
 * Sign in with X (Twitter): OAuth 2 with PKCE, and the older OAuth 1.0a.
 *
 * RFC 6749 §4.1, RFC 7636; RFC 5849. The e-mail has a scope and a permission of its own; most applications do not have it.
 * Guarantees that a missing e-mail never fails a sign-in.
 */
import { oauth1Preset, oauth2Preset } from "../lib/preset.ts";
import { object, profileOf, text } from "../lib/read-profile.ts";

/** Signs people in with X. Add `users.email` to the scope for the e-mail, if the app may ask for it. */
export const x = oauth2Preset(
  {
    name: "x",
    label: "X",
    sources: [
      "https://docs.x.com/fundamentals/authentication/oauth-2-0/user-access-token",
      "https://docs.x.com/x-api/users/get-my-user",
    ],
    email: "verified only",
    confirmed: true,
    note: "No e-mail unless scope has users.email. A refresh token needs offline.access.",
  },
  {
    authorization_endpoint: "https://x.com/i/oauth2/authorize",
    token_endpoint: "https://api.x.com/2/oauth2/token",
    revocation_endpoint: "https://api.x.com/2/oauth2/revoke",
    scope: "users.read tweet.read",
    api: "https://api.x.com/2",
    async profile(api) {
      // Asked for without the scope, the field is an error.
      const granted = (text(api.tokens.scope) ?? "").split(" ");
      const fields = ["profile_image_url", ...(granted.includes("users.email") ? ["confirmed_email"] : [])];
      const { data } = await api.json(`users/me?user.fields=${fields.join(",")}`);
      const me = object(data);
      return profileOf(me, {
        id: me.id,
        name: me.name,
        username: me.username,
        email: me.confirmed_email,
        email_verified: true,
        picture: me.profile_image_url,
      });
    },
  },
);

/** Signs people in with X by OAuth 1.0a, for apps that have keys and secrets of that kind. */
export const twitter = oauth1Preset(
  {
    name: "twitter",
    label: "X",
    sources: [
      "https://docs.x.com/fundamentals/authentication/guides/log-in-with-x",
      "https://docs.x.com/fundamentals/authentication/oauth-1-0a/obtaining-user-access-tokens",
    ],
    email: "not said",
    confirmed: true,
    note: "An e-mail comes only if the app asked for it in its settings, and is not said to be verified.",
  },
  {
    request_token_endpoint: "https://api.x.com/oauth/request_token",
    authorization_endpoint: "https://api.x.com/oauth/authenticate",
    token_endpoint: "https://api.x.com/oauth/access_token",
    api: "https://api.x.com/1.1",
    async profile(api) {
      const me = await api.json("account/verify_credentials.json?include_email=true&skip_status=true");
      return profileOf(me, {
        // `id` is a number beyond 2^53.
        id: me.id_str,
        name: me.name,
        username: me.screen_name,
        email: me.email,
        picture: me.profile_image_url_https,
      });
    },
  },
);
