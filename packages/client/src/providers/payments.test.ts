/**
 * Stripe, PayPal, Coinbase and Polar, as documented.
 */
import { plain, registered, testDocumented } from "../lib/stand-in.test.ts";
import { coinbase, paypal, polar, stripe } from "./payments.ts";

const paypalUser = {
  user_id: "https://www.paypal.com/webapps/auth/identity/user/mWq6_1sU85v5EG9yHdPxJRrhGHrnMJ-1PQKtX6pcsmA",
  name: "identity test",
  email: "user1@example.com",
};

testDocumented([
  {
    provider: stripe(registered),
    source: "https://docs.stripe.com/connect/oauth-reference#post-token-response",
    answers: {
      "POST https://connect.stripe.com/oauth/token": {
        token_type: "bearer",
        scope: "read_only",
        livemode: false,
        stripe_user_id: "acct_1032D82eZvKYlo2C",
        access_token: "sk_test_x",
        refresh_token: "rt_x",
      },
    },
    user: { sub: "acct_1032D82eZvKYlo2C" },
  },
  {
    provider: paypal(registered),
    source: "https://developer.paypal.com/docs/api/identity/v1/#userinfo_get",
    answers: {
      "POST https://api-m.paypal.com/v1/oauth2/token": { ...plain, nonce: "x", id_token: "e30.e30.e30" },
      "GET https://api-m.paypal.com/v1/identity/openidconnect/userinfo": { ...paypalUser, email_verified: "true" },
    },
    user: { sub: paypalUser.user_id, name: "identity test", email: "user1@example.com", email_verified: true },
  },
  {
    provider: paypal({ ...registered, name: "paypal-sandbox", domain: "sandbox.paypal.com" }),
    source: "https://developer.paypal.com/docs/api/identity/v1/#userinfo_get",
    answers: {
      "POST https://api-m.sandbox.paypal.com/v1/oauth2/token": plain,
      "GET https://api-m.sandbox.paypal.com/v1/identity/openidconnect/userinfo": {
        ...paypalUser,
        email_verified: false,
      },
    },
    user: { sub: paypalUser.user_id, name: "identity test", email: "user1@example.com", email_verified: false },
  },
  {
    provider: coinbase(registered),
    source: "https://docs.cdp.coinbase.com/coinbase-app/track-apis/users",
    answers: {
      "POST https://login.coinbase.com/oauth2/token": {
        ...plain,
        token_type: "bearer",
        scope: "wallet:user:read wallet:user:email",
      },
      "GET https://api.coinbase.com/v2/user": {
        data: {
          id: "9da7a204-544e-5fd1-9a12-61176c5d4cd8",
          name: "User One",
          username: "user1",
          email: "user1@example.com",
          avatar_url: "https://images.example/a",
        },
      },
    },
    user: {
      sub: "9da7a204-544e-5fd1-9a12-61176c5d4cd8",
      name: "User One",
      username: "user1",
      email: "user1@example.com",
    },
  },
  {
    provider: polar(registered),
    source: "https://polar.sh/docs/integrate/oauth2/connect",
    answers: {
      "POST https://api.polar.sh/v1/oauth2/token": { ...plain, id_token: "e30.e30.e30", scope: "openid profile email" },
      "GET https://api.polar.sh/v1/oauth2/userinfo": {
        sub: "d0645572",
        name: "jane",
        email: "jane@example.test",
        email_verified: true,
      },
    },
    user: { sub: "d0645572", name: "jane", email: "jane@example.test", email_verified: true },
  },
]);
