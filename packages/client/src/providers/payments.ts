/**
 * Sign in with places money moves: Stripe, PayPal, Coinbase, Polar.
 *
 * RFC 6749 §4.1. Stripe connects an account rather than a person, and tells with the token which.
 */
import { oauth2Preset } from "../lib/preset.ts";
import { object, profileOf } from "../lib/read-profile.ts";

/** Connects a Stripe account. `client_secret` is the platform's secret API key. */
export const stripe = oauth2Preset(
  {
    name: "stripe",
    label: "Stripe",
    sources: ["https://docs.stripe.com/connect/oauth-reference"],
    email: "none",
    confirmed: true,
    note: "An account rather than a person: no e-mail.",
  },
  {
    authorization_endpoint: "https://connect.stripe.com/oauth/authorize",
    token_endpoint: "https://connect.stripe.com/oauth/token",
    token_endpoint_auth_method: "client_secret_post",
    code_challenge_methods_supported: [],
    scope: "read_only",
    api: "https://api.stripe.com/v1",
    async profile({ tokens }) {
      const { stripe_user_id, livemode } = tokens;
      return profileOf({ stripe_user_id, livemode }, { id: stripe_user_id });
    },
  },
);

/** Signs people in with PayPal. `domain` is `sandbox.paypal.com` for the sandbox. */
export const paypal = oauth2Preset(
  {
    name: "paypal",
    label: "PayPal",
    sources: [
      "https://developer.paypal.com/docs/log-in-with-paypal/integrate/",
      "https://developer.paypal.com/docs/api/identity/v1/#userinfo_get",
    ],
    email: "said",
    confirmed: true,
  },
  {
    usual: { domain: "paypal.com" },
    at: ({ domain }) => ({
      authorization_endpoint: `https://www.${domain}/connect`,
      token_endpoint: `https://api-m.${domain}/v1/oauth2/token`,
      code_challenge_methods_supported: [],
      scope: "openid profile email",
      authorization_params: { flowEntry: "static" },
      api: `https://api-m.${domain}/v1/identity`,
      async profile(api) {
        const me = await api.json("openidconnect/userinfo?schema=openid");
        return profileOf(me, {
          id: me.user_id,
          name: me.name,
          email: me.email,
          // Documented as a boolean; old applications get it as text.
          email_verified: me.email_verified === true || me.email_verified === "true",
          picture: me.picture,
        });
      },
    }),
  },
);

/** Signs people in with Coinbase. */
export const coinbase = oauth2Preset(
  {
    name: "coinbase",
    label: "Coinbase",
    sources: [
      "https://docs.cdp.coinbase.com/coinbase-app/oauth2-integration/integrations",
      "https://docs.cdp.coinbase.com/coinbase-app/track-apis/users",
    ],
    email: "not said",
    confirmed: "Whether scopes are separated by blanks: the documentation says commas, clients in use differ.",
  },
  {
    authorization_endpoint: "https://login.coinbase.com/oauth2/auth",
    token_endpoint: "https://login.coinbase.com/oauth2/token",
    revocation_endpoint: "https://login.coinbase.com/oauth2/revoke",
    token_endpoint_auth_method: "client_secret_post",
    scope: "wallet:user:read wallet:user:email",
    api: "https://api.coinbase.com/v2",
    headers: { "CB-VERSION": "2024-01-01" },
    async profile(api) {
      const me = object((await api.json("user")).data);
      return profileOf(me, {
        id: me.id,
        name: me.name,
        username: me.username,
        email: me.email,
        picture: me.avatar_url,
      });
    },
  },
);

/** Signs people in with Polar. */
export const polar = oauth2Preset(
  {
    name: "polar",
    label: "Polar",
    sources: ["https://polar.sh/docs/integrate/oauth2/connect"],
    email: "said",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://polar.sh/oauth2/authorize",
    token_endpoint: "https://api.polar.sh/v1/oauth2/token",
    revocation_endpoint: "https://api.polar.sh/v1/oauth2/revoke",
    token_endpoint_auth_method: "client_secret_post",
    scope: "openid profile email",
    api: "https://api.polar.sh/v1/oauth2",
    async profile(api) {
      const me = await api.json("userinfo");
      const { sub, name, email, email_verified, picture } = me;
      return profileOf(me, { id: sub, name, email, email_verified, picture });
    },
  },
);
