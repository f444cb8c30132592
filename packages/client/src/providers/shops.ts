/**
 * Sign in with places things are sold: Shopify, Amazon, Etsy, Mercado Libre.
 *
 * RFC 6749 §4.1. Shopify is one service per shop.
 * Guarantees that a Shopify sign-in is one of a person, at the shop that was asked.
 */
import { ClientError } from "../client-error.ts";
import { oauth2Preset } from "../lib/preset.ts";
import { fullName, object, profileOf, text } from "../lib/read-profile.ts";
import { bearer } from "../lib/read-tokens.ts";
import type { ProfileApi } from "../profile.ts";

/** Signs the staff of one Shopify shop in. `shop` is the part before `.myshopify.com`. */
export const shopify = oauth2Preset(
  {
    name: "shopify",
    label: "Shopify",
    sources: [
      "https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/authorization-code-grant",
      "https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/online-access-tokens",
    ],
    email: "said",
    confirmed: true,
    note: "Online access: the token is one person's, for a day. Calls of the Admin API carry it in the header X-Shopify-Access-Token.",
  },
  {
    needs: { shop: "example" },
    at: ({ shop }) => {
      if (!/^[a-z0-9][a-z0-9-]{0,59}$/.test(shop)) {
        throw new ClientError(
          "configuration_invalid",
          `shopify(): shop is the name before .myshopify.com, got ${shop}`,
        );
      }
      const url = `https://${shop}.myshopify.com`;
      return {
        authorization_endpoint: `${url}/admin/oauth/authorize`,
        token_endpoint: `${url}/admin/oauth/access_token`,
        token_endpoint_auth_method: "client_secret_post",
        code_challenge_methods_supported: [],
        scope: "read_products",
        scope_separator: ",",
        // Otherwise the token is the shop's, and nobody's in particular.
        authorization_params: { "grant_options[]": "per-user" },
        api: `${url}/admin/api`,
        readTokens: bearer,
        profile: (api) => readShopify(api, `${shop}.myshopify.com`),
      };
    },
  },
);

async function readShopify({ tokens, callback }: ProfileApi, domain: string) {
  if (callback.shop !== domain) throw new ClientError("userinfo_invalid", `the answer is not about the shop ${domain}`);
  const me = object(tokens.associated_user);
  return profileOf(me, {
    id: me.id,
    name: fullName(me.first_name, me.last_name),
    email: me.email,
    email_verified: me.email_verified,
  });
}

/** Signs people in with Amazon. */
export const amazon = oauth2Preset(
  {
    name: "amazon",
    label: "Amazon",
    sources: [
      "https://developer.amazon.com/docs/login-with-amazon/authorization-code-grant.html",
      "https://developer.amazon.com/docs/login-with-amazon/obtain-customer-profile.html",
    ],
    email: "not said",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://www.amazon.com/ap/oa",
    token_endpoint: "https://api.amazon.com/auth/o2/token",
    token_endpoint_auth_method: "client_secret_post",
    scope: "profile",
    api: "https://api.amazon.com",
    async profile(api) {
      const me = await api.json("user/profile");
      return profileOf(me, { id: me.user_id, name: me.name, email: me.email });
    },
  },
);

/** Signs people in with Etsy. `client_id` is the keystring; there is no secret. */
export const etsy = oauth2Preset(
  {
    name: "etsy",
    label: "Etsy",
    sources: ["https://developers.etsy.com/documentation/essentials/authentication/"],
    email: "not said",
    confirmed: "Whether newer keys need the shared secret in x-api-key as well.",
  },
  {
    authorization_endpoint: "https://www.etsy.com/oauth/connect",
    token_endpoint: "https://api.etsy.com/v3/public/oauth/token",
    token_endpoint_auth_method: "none",
    scope: "email_r",
    api: "https://openapi.etsy.com/v3/application",
    headers: ({ client_id }) => ({ "x-api-key": client_id }),
    async profile(api) {
      // The number in front of the token is the person's.
      const id = /^(\d{1,15})\./.exec(String(api.tokens.access_token))?.[1];
      if (id === undefined) throw new ClientError("userinfo_invalid", "Etsy's token does not say whose it is");
      const me = await api.json(`users/${id}`);
      return profileOf(me, {
        id: me.user_id,
        name: fullName(me.first_name, me.last_name),
        email: me.primary_email,
        picture: me.image_url_75x75,
      });
    },
  },
);

/** Signs people in with Mercado Libre. `domain` is that of the country, e.g. `auth.mercadolibre.com.ar`. */
export const mercadolibre = oauth2Preset(
  {
    name: "mercadolibre",
    label: "Mercado Libre",
    sources: ["https://developers.mercadolibre.com.ar/en_us/authentication-and-authorization"],
    email: "not said",
    confirmed: true,
  },
  {
    usual: { domain: "auth.mercadolibre.com" },
    at: ({ domain }) => ({
      authorization_endpoint: `https://${domain}/authorization`,
      token_endpoint: "https://api.mercadolibre.com/oauth/token",
      token_endpoint_auth_method: "client_secret_post",
      api: "https://api.mercadolibre.com",
      async profile(api) {
        const me = await api.json("users/me");
        return profileOf(me, {
          id: me.id,
          name: fullName(me.first_name, me.last_name) ?? text(me.nickname),
          username: me.nickname,
          email: me.email,
        });
      },
    }),
  },
);
