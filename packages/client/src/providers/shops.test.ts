/**
 * Shopify, Amazon, Etsy and Mercado Libre, as documented.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isClientError } from "../client-error.ts";
import { plain, registered, signInWith, testDocumented } from "../lib/stand-in.test.ts";
import { amazon, etsy, mercadolibre, shopify } from "./shops.ts";

const associated_user = {
  id: 902541635,
  first_name: "John",
  last_name: "Smith",
  email: "john@example.com",
  email_verified: true,
  account_owner: true,
  locale: "en",
  collaborator: false,
};
const shopifyAnswers = (tokens: object) => ({
  "POST https://example.myshopify.com/admin/oauth/access_token": {
    access_token: "f85632530bf277ec9ac6f649fc327f17",
    scope: "write_orders,read_customers",
    expires_in: 86399,
    associated_user_scope: "write_orders",
    ...tokens,
  },
});
const provider = shopify({ ...registered, shop: "example" });
const callback = { shop: "example.myshopify.com", timestamp: "1337178173", hmac: "da9d83c171400a41f8db91a950508985" };
const etsyUser = { user_id: 12345678, primary_email: "buyer@example.test", first_name: "Jane", last_name: "Doe" };

testDocumented([
  {
    provider,
    source: "https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/online-access-tokens",
    answers: shopifyAnswers({ associated_user }),
    callback,
    user: { sub: "902541635", name: "John Smith", email: "john@example.com", email_verified: true },
  },
  {
    provider: amazon(registered),
    source: "https://developer.amazon.com/docs/login-with-amazon/obtain-customer-profile.html",
    answers: {
      "POST https://api.amazon.com/auth/o2/token": {
        ...plain,
        access_token: "Atza|IQEBLjAsAhRmHjNgHpi0U-Dme37rR6CuUpSR",
        token_type: "bearer",
      },
      "GET https://api.amazon.com/user/profile": {
        user_id: "amzn1.account.K2LI23KL2LK2",
        email: "mhashimoto-04@plaxo.com",
        name: "Mork Hashimoto",
        postal_code: "98052",
      },
    },
    user: { sub: "amzn1.account.K2LI23KL2LK2", name: "Mork Hashimoto", email: "mhashimoto-04@plaxo.com" },
  },
  {
    provider: etsy({ client_id: "keystring" }),
    source: "https://developers.etsy.com/documentation/essentials/authentication/",
    answers: {
      "POST https://api.etsy.com/v3/public/oauth/token": {
        ...plain,
        access_token:
          "12345678.O1zLuwveeKjpIqCQFfmR-PaMMpBmagH6DljRAkK9qt05OtRKiANJOyZlMx3WQ_o2FdComQGuoiAWy3dxyGI4Ke_76PR",
      },
      "GET https://openapi.etsy.com/v3/application/users/12345678": etsyUser,
    },
    user: { sub: "12345678", name: "Jane Doe", email: "buyer@example.test" },
  },
  {
    provider: mercadolibre(registered),
    source: "https://developers.mercadolibre.com.ar/en_us/authentication-and-authorization",
    answers: {
      "POST https://api.mercadolibre.com/oauth/token": {
        access_token: "APP_USR-123456-090515-8cc4448aac10d5105474e1351-1234567",
        token_type: "bearer",
        expires_in: 10800,
        scope: "read",
        user_id: 1234567,
      },
      "GET https://api.mercadolibre.com/users/me": {
        id: 1234567,
        nickname: "JANEDOE",
        first_name: "Jane",
        last_name: "Doe",
        email: "jane@example.test",
      },
    },
    user: { sub: "1234567", name: "Jane Doe", username: "JANEDOE", email: "jane@example.test" },
  },
]);

test("Shopify: asks for a person's token, with commas between scopes", async () => {
  const script = { answers: shopifyAnswers({ associated_user }), callback };
  const { authorization } = await signInWith(
    shopify({ ...registered, shop: "example", scope: "read_products read_orders" }),
    script,
  );
  const sent = authorization.searchParams;
  assert.equal(authorization.origin, "https://example.myshopify.com");
  assert.deepEqual([sent.get("grant_options[]"), sent.get("scope")], ["per-user", "read_products,read_orders"]);
});

test("Shopify: an answer about another shop, and a token of the shop itself, sign nobody in", async () => {
  const other = { answers: shopifyAnswers({ associated_user }), callback: { ...callback, shop: "evil.myshopify.com" } };
  assert.equal((await signInWith(provider, other)).failure, "userinfo_invalid");
  const offline = await signInWith(provider, { answers: shopifyAnswers({}), callback });
  assert.deepEqual([offline.user, offline.failure], [undefined, "userinfo_invalid"]);
});

test("Shopify: a shop that is no plain name is refused, wherever it would lead", () => {
  for (const shop of [
    "evil.example/",
    "evil.example#",
    "a b",
    "a@evil.example",
    "x?",
    "-x",
    "EXAMPLE",
    "example.myshopify.com",
    "",
  ]) {
    assert.throws(
      () => shopify({ ...registered, shop }),
      (e) => isClientError(e, "configuration_invalid"),
      shop,
    );
  }
});

test("Etsy: a public client with PKCE, whose key goes with API requests", async () => {
  const { asked, authorization } = await signInWith(etsy({ client_id: "keystring" }), {
    answers: { "POST https://api.etsy.com/v3/public/oauth/token": { ...plain, access_token: "1.x" } },
  });
  assert.equal(authorization.searchParams.get("code_challenge_method"), "S256");
  assert.equal(asked.get("GET https://openapi.etsy.com/v3/application/users/1")?.headers.get("x-api-key"), "keystring");
});
