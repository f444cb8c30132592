/**
 * Sign in with identity servers: hosted ones by their domain, one's own by its address.
 *
 * OpenID Connect Core §3.1, Discovery §4. All of them follow the specification; what differs is how the issuer is written, and
 * one trailing slash decides.
 */
import { oauth2Preset, oidcPreset } from "../lib/preset.ts";
import { fullName, object, profileOf } from "../lib/read-profile.ts";
import { bearer } from "../lib/read-tokens.ts";

/** Signs people in with Auth0. */
export const auth0 = oidcPreset(
  {
    name: "auth0",
    label: "Auth0",
    sources: ["https://auth0.com/docs/get-started/applications/configure-applications-with-oidc-discovery"],
    email: "said",
    confirmed: true,
  },
  { needs: { domain: "example.eu.auth0.com" }, at: ({ domain }) => ({ issuer: `https://${domain}/` }) },
);

/** Signs people in with Okta. `server` is the authorization server: `default`, or another one's id. */
export const okta = oidcPreset(
  {
    name: "okta",
    label: "Okta",
    sources: [
      "https://developer.okta.com/docs/concepts/auth-servers/",
      "https://developer.okta.com/docs/api/openapi/okta-oauth/oauth/tag/OrgAS/",
    ],
    email: "said",
    confirmed: true,
    note: 'For the organisation\'s own authorization server: issuer: "https://example.okta.com".',
  },
  {
    needs: { domain: "example.okta.com" },
    usual: { server: "default" },
    at: ({ domain, server }) => ({ issuer: `https://${domain}/oauth2/${encodeURIComponent(server)}` }),
  },
);

/** Signs people in with a realm of a Keycloak server: `url` is its address, with `/auth` for old ones. */
export const keycloak = oidcPreset(
  {
    name: "keycloak",
    label: "Keycloak",
    sources: ["https://www.keycloak.org/securing-apps/oidc-layers"],
    email: "said",
    confirmed: true,
  },
  {
    needs: { url: "https://id.example.org", realm: "example" },
    at: ({ url, realm }) => ({ issuer: `${url}/realms/${encodeURIComponent(realm)}` }),
  },
);

/** Signs people in with a user pool of Amazon Cognito. */
export const cognito = oidcPreset(
  {
    name: "cognito",
    label: "Cognito",
    sources: [
      "https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html",
      "https://docs.aws.amazon.com/cognito/latest/developerguide/userinfo-endpoint.html",
    ],
    email: "said",
    confirmed: true,
  },
  {
    needs: { region: "eu-central-1", user_pool_id: "eu-central-1_Example12" },
    at: ({ region, user_pool_id }) => ({
      issuer: `https://cognito-idp.${encodeURIComponent(region)}.amazonaws.com/${encodeURIComponent(user_pool_id)}`,
      // Supported, but not in its discovery document.
      metadata: { code_challenge_methods_supported: ["S256"] },
      // Userinfo says it as text.
      profile: ({ email_verified }) => ({ email_verified: email_verified === true || email_verified === "true" }),
    }),
  },
);

/** Signs people in with FusionAuth. `issuer` is what the tenant is configured to call itself. */
export const fusionauth = oidcPreset(
  {
    name: "fusionauth",
    label: "FusionAuth",
    sources: ["https://fusionauth.io/docs/lifecycle/authenticate-users/oauth/endpoints"],
    email: "said",
    confirmed: true,
    note: "The issuer of a tenant is acme.com until it is set to the address of the server.",
  },
  { needs: { url: "https://id.example.org" }, at: ({ url }) => ({ issuer: url }) },
);

/** Signs people in with ZITADEL. */
export const zitadel = oidcPreset(
  {
    name: "zitadel",
    label: "ZITADEL",
    sources: ["https://zitadel.com/docs/apis/openidoauth/endpoints"],
    email: "said",
    confirmed: true,
  },
  { needs: { domain: "example.zitadel.cloud" }, at: ({ domain }) => ({ issuer: `https://${domain}` }) },
);

/** Signs people in with an application of an authentik server: `application` is its slug. */
export const authentik = oidcPreset(
  {
    name: "authentik",
    label: "authentik",
    sources: ["https://docs.goauthentik.io/add-secure-apps/providers/oauth2/"],
    email: "said",
    confirmed: true,
    note: "Since 2025.10 authentik calls an e-mail unverified unless a scope mapping says otherwise.",
  },
  {
    needs: { url: "https://id.example.org", application: "example" },
    at: ({ url, application }) => ({ issuer: `${url}/application/o/${encodeURIComponent(application)}/` }),
  },
);

/** Signs people in with Ory Hydra or the Ory Network. */
export const ory = oidcPreset(
  {
    name: "ory",
    label: "Ory",
    sources: ["https://www.ory.com/docs/oauth2-oidc/overview/oauth2-concepts"],
    email: "said",
    confirmed: true,
    note: "The issuer is written as Hydra is configured, often with a slash at the end.",
  },
  { needs: { url: "https://example.projects.oryapis.com" }, at: ({ url }) => ({ issuer: url }) },
);

/** Signs people in with Logto. */
export const logto = oidcPreset(
  {
    name: "logto",
    label: "Logto",
    sources: [
      "https://docs.logto.io/concepts/signing-keys",
      "https://docs.logto.io/integrate-logto/third-party-applications",
    ],
    email: "said",
    confirmed: true,
  },
  {
    needs: { url: "https://example.logto.app" },
    at: ({ url }) => ({ issuer: `${url}/oidc`, id_token_signed_response_alg: "ES384" }),
  },
);

/** Signs people in with Kinde. */
export const kinde = oidcPreset(
  {
    name: "kinde",
    label: "Kinde",
    sources: ["https://docs.kinde.com/developer-tools/about/using-kinde-without-an-sdk/"],
    email: "said",
    confirmed: "The issuer and the signing algorithm: the documentation could not be read.",
  },
  { needs: { domain: "example.kinde.com" }, at: ({ domain }) => ({ issuer: `https://${domain}` }) },
);

/** Signs people in with OneLogin. */
export const onelogin = oidcPreset(
  {
    name: "onelogin",
    label: "OneLogin",
    sources: ["https://developers.onelogin.com/openid-connect/api/provider-config"],
    email: "said",
    confirmed: "The issuer: only one other client in use writes it so.",
  },
  { needs: { domain: "example.onelogin.com" }, at: ({ domain }) => ({ issuer: `https://${domain}/oidc/2` }) },
);

/** Signs people in with Fief. */
export const fief = oidcPreset(
  {
    name: "fief",
    label: "Fief",
    sources: ["https://docs.fief.dev/going-further/oauth2/"],
    email: "said",
    confirmed: "The discovery document: it could not be read.",
  },
  { needs: { url: "https://example.fief.dev" }, at: ({ url }) => ({ issuer: url }) },
);

/** Signs people in with a Synology DiskStation that runs SSO Server. */
export const synology = oidcPreset(
  {
    name: "synology",
    label: "Synology",
    sources: ["https://kb.synology.com/en-global/DSM/help/SSOServer/sso_server_desc"],
    email: "said",
    confirmed: "Whether the ID token carries the nonce, and how the issuer is written.",
  },
  { needs: { url: "https://nas.example.org:5001" }, at: ({ url }) => ({ issuer: `${url}/webman/sso` }) },
);

/** Signs people in with WorkOS SSO. `provider` chooses how, e.g. `MicrosoftOAuth`. */
export const workos = oauth2Preset(
  {
    name: "workos",
    label: "WorkOS",
    sources: [
      "https://workos.com/docs/reference/sso/get-authorization-url",
      "https://workos.com/docs/reference/sso/profile",
    ],
    email: "not said",
    confirmed: true,
    note: "One company's connection: authorization_params: { organization } or { connection }.",
  },
  {
    usual: { provider: "GoogleOAuth" },
    at: ({ provider }) => ({
      authorization_endpoint: "https://api.workos.com/sso/authorize",
      token_endpoint: "https://api.workos.com/sso/token",
      token_endpoint_auth_method: "client_secret_post",
      authorization_params: { provider },
      api: "https://api.workos.com",
      readTokens: bearer,
      async profile({ tokens }) {
        const me = object(tokens.profile);
        return profileOf(me, { id: me.id, name: fullName(me.first_name, me.last_name), email: me.email });
      },
    }),
  },
);
