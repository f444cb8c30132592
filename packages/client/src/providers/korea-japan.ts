/**
 * Sign in with Kakao, Naver and LINE.
 *
 * RFC 6749 §4.1, OpenID Connect Core §3.1.3.7. Kakao and Naver nest the profile; LINE signs ID tokens with the client's secret
 * (HS256), so LINE itself is asked to verify them.
 * Guarantees that LINE's e-mail is taken only from an ID token about the same person and made for this client.
 */
import { ClientError } from "../client-error.ts";
import { oauth2Preset } from "../lib/preset.ts";
import { object, profileOf, text } from "../lib/read-profile.ts";
import { lifetime } from "../lib/read-tokens.ts";
import type { ProfileApi } from "../profile.ts";

/** Signs people in with Kakao. Which consent items exist is set in Kakao's console; `scope` asks for some of them. */
export const kakao = oauth2Preset(
  {
    name: "kakao",
    label: "Kakao",
    sources: ["https://developers.kakao.com/docs/latest/en/kakaologin/rest-api"],
    email: "said",
    confirmed: true,
    note: "Asks for the consent items set in the console; an e-mail counts as verified only if Kakao calls it valid and verified.",
  },
  {
    authorization_endpoint: "https://kauth.kakao.com/oauth/authorize",
    token_endpoint: "https://kauth.kakao.com/oauth/token",
    token_endpoint_auth_method: "client_secret_post",
    code_challenge_methods_supported: [],
    scope_separator: ",",
    api: "https://kapi.kakao.com",
    async profile(api) {
      const me = await api.json("v2/user/me");
      const account = object(me.kakao_account);
      const { nickname, profile_image_url } = object(account.profile);
      return profileOf(me, {
        id: me.id,
        name: text(nickname) ?? account.name,
        email: account.email,
        // An address that has passed to somebody else stays verified, but is no longer valid.
        email_verified: account.is_email_valid === true && account.is_email_verified === true,
        picture: profile_image_url,
      });
    },
  },
);

/** Signs people in with Naver. What is given is set in Naver's console; there are no scopes. */
export const naver = oauth2Preset(
  {
    name: "naver",
    label: "Naver",
    sources: [
      "https://developers.naver.com/docs/login/api/api.md",
      "https://developers.naver.com/docs/login/profile/profile.md",
    ],
    email: "not said",
    confirmed: true,
    note: "The e-mail is a contact address people can change; Naver does not say that it is verified.",
  },
  {
    authorization_endpoint: "https://nid.naver.com/oauth2.0/authorize",
    token_endpoint: "https://nid.naver.com/oauth2.0/token",
    token_endpoint_auth_method: "client_secret_post",
    code_challenge_methods_supported: [],
    api: "https://openapi.naver.com/v1/nid",
    // A text of digits.
    readTokens: lifetime,
    async profile(api) {
      const { response } = await api.json("me");
      const me = object(response);
      return profileOf(me, {
        id: me.id,
        name: text(me.name) ?? me.nickname,
        email: me.email,
        picture: me.profile_image,
      });
    },
  },
);

/** Signs people in with LINE. The e-mail needs a permission of its own, asked for in LINE's console. */
export const line = oauth2Preset(
  {
    name: "line",
    label: "LINE",
    sources: [
      "https://developers.line.biz/en/docs/line-login/integrate-line-login/",
      "https://developers.line.biz/en/reference/line-login/",
    ],
    email: "not said",
    confirmed: true,
  },
  {
    issuer: "https://access.line.me",
    authorization_endpoint: "https://access.line.me/oauth2/v2.1/authorize",
    token_endpoint: "https://api.line.me/oauth2/v2.1/token",
    revocation_endpoint: "https://api.line.me/oauth2/v2.1/revoke",
    token_endpoint_auth_method: "client_secret_post",
    scope: "openid profile email",
    api: "https://api.line.me",
    async profile(api) {
      const me = await api.json("v2/profile");
      const claims = await lineClaims(api, me.userId);
      return profileOf(
        { ...claims, ...me },
        { id: me.userId, name: me.displayName, email: claims.email, picture: me.pictureUrl },
      );
    },
  },
);

async function lineClaims(api: ProfileApi, userId: unknown): Promise<Readonly<Record<string, unknown>>> {
  const id_token = text(api.tokens.id_token);
  if (id_token === undefined) return {};
  const body = new URLSearchParams({ id_token, client_id: api.client_id });
  const claims = await api.json("oauth2/v2.1/verify", { method: "POST", body });
  if (claims.aud !== api.client_id || claims.sub !== userId) {
    throw new ClientError("userinfo_subject_mismatch", "LINE's ID token is about somebody else or for another client");
  }
  return claims;
}
