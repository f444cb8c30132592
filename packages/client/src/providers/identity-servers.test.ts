/**
 * Identity servers: how each writes its issuer, to the slash, and what differs in their claims.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isClientError } from "../client-error.ts";
import { type Documented, openId, plain, registered, signInWith, testDocumented } from "../lib/stand-in.test.ts";
import {
  auth0,
  authentik,
  cognito,
  fief,
  fusionauth,
  keycloak,
  kinde,
  logto,
  okta,
  onelogin,
  ory,
  synology,
  workos,
  zitadel,
} from "./identity-servers.ts";

const person = { sub: "00uid4BxXw6I6TV4m0g3", name: "Jane Doe", email: "jane@example.test", email_verified: true };
const url = "https://id.example.org";
const speaks = (provider: Documented["provider"], issuer: string, source: string, more = {}): Documented => ({
  provider,
  source,
  answers: openId(issuer, person, more),
  user: person,
});
const pool = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Example12";
const cognitoAt = cognito({ ...registered, region: "eu-central-1", user_pool_id: "eu-central-1_Example12" });
const cognitoAnswers = (email_verified: unknown) =>
  openId(pool, person, {
    discovery: { code_challenge_methods_supported: undefined },
    userinfo: { sub: person.sub, name: "Jane Doe", email: person.email, email_verified, username: "jane" },
  });

testDocumented([
  speaks(
    auth0({ ...registered, domain: "example.eu.auth0.com" }),
    "https://example.eu.auth0.com/",
    "https://auth0.com/docs/get-started/applications/configure-applications-with-oidc-discovery",
  ),
  speaks(
    okta({ ...registered, domain: "example.okta.com" }),
    "https://example.okta.com/oauth2/default",
    "https://developer.okta.com/docs/concepts/auth-servers/",
  ),
  speaks(
    okta({ ...registered, name: "okta-org", domain: "example.okta.com", issuer: "https://example.okta.com" }),
    "https://example.okta.com",
    "https://developer.okta.com/docs/concepts/auth-servers/#org-authorization-server",
  ),
  speaks(
    keycloak({ ...registered, url, realm: "my realm" }),
    "https://id.example.org/realms/my%20realm",
    "https://www.keycloak.org/securing-apps/oidc-layers",
  ),
  {
    provider: cognitoAt,
    source: "https://docs.aws.amazon.com/cognito/latest/developerguide/userinfo-endpoint.html",
    answers: cognitoAnswers("true"),
    user: person,
  },
  speaks(
    fusionauth({ ...registered, url }),
    url,
    "https://fusionauth.io/docs/lifecycle/authenticate-users/oauth/endpoints",
  ),
  speaks(
    zitadel({ ...registered, domain: "example.zitadel.cloud" }),
    "https://example.zitadel.cloud",
    "https://zitadel.com/docs/apis/openidoauth/endpoints",
  ),
  speaks(
    authentik({ ...registered, url, application: "app" }),
    "https://id.example.org/application/o/app/",
    "https://docs.goauthentik.io/add-secure-apps/providers/oauth2/",
  ),
  speaks(
    ory({ ...registered, url: "https://example.projects.oryapis.com" }),
    "https://example.projects.oryapis.com",
    "https://www.ory.com/docs/oauth2-oidc/overview/oauth2-concepts",
  ),
  speaks(
    logto({ ...registered, url: "https://example.logto.app" }),
    "https://example.logto.app/oidc",
    "https://docs.logto.io/concepts/signing-keys",
    {
      alg: "ES384",
    },
  ),
  speaks(
    kinde({ ...registered, domain: "example.kinde.com" }),
    "https://example.kinde.com",
    "https://docs.kinde.com/developer-tools/about/using-kinde-without-an-sdk/",
  ),
  speaks(
    onelogin({ ...registered, domain: "example.onelogin.com" }),
    "https://example.onelogin.com/oidc/2",
    "https://developers.onelogin.com/openid-connect/api/provider-config",
  ),
  speaks(
    fief({ ...registered, url: "https://example.fief.dev" }),
    "https://example.fief.dev",
    "https://docs.fief.dev/going-further/oauth2/",
  ),
  speaks(
    synology({ ...registered, url: "https://nas.example.org:5001" }),
    "https://nas.example.org:5001/webman/sso",
    "https://kb.synology.com/en-global/DSM/help/SSOServer/sso_server_desc",
  ),
  {
    provider: workos(registered),
    source: "https://workos.com/docs/reference/sso/profile",
    answers: {
      "POST https://api.workos.com/sso/token": {
        access_token: "01DMEK0J53CVMC32CK5SE0KZ8Q",
        profile: {
          object: "profile",
          id: "prof_01DMC79VCBZ0NY2099737PSVF1",
          email: "todd@example.com",
          first_name: "Todd",
          last_name: "Rundgren",
          idp_id: "00u1",
        },
      },
    },
    user: { sub: "prof_01DMC79VCBZ0NY2099737PSVF1", name: "Todd Rundgren", email: "todd@example.com" },
  },
]);

test('Cognito: "false" as text is not verified, and PKCE is sent although it is not announced', async () => {
  const { user, authorization } = await signInWith(cognitoAt, { answers: cognitoAnswers("false") });
  assert.equal(user?.email_verified, false);
  assert.equal(authorization.searchParams.get("code_challenge_method"), "S256");
});

test("WorkOS: says how to sign in, or lets authorization_params say it", async () => {
  const answers = { "POST https://api.workos.com/sso/token": plain };
  const { authorization } = await signInWith(workos(registered), { answers });
  assert.equal(authorization.searchParams.get("provider"), "GoogleOAuth");
  const one = workos({ ...registered, authorization_params: { organization: "org_1" } });
  const sent = (await signInWith(one, { answers })).authorization.searchParams;
  assert.deepEqual([sent.get("provider"), sent.get("organization")], [null, "org_1"]);
});

test("a place that is missing, or is no host name, is a mistake in the configuration", () => {
  const mistake = (e: unknown) => isClientError(e, "configuration_invalid");
  for (const domain of [
    "https://example.auth0.com",
    "example.auth0.com/evil",
    "a@evil.example",
    "exa mple",
    "example.com#",
    "",
  ]) {
    assert.throws(() => auth0({ ...registered, domain }), mistake, domain);
  }
  // As somebody without types would call it.
  assert.throws(() => keycloak({ url } as Parameters<typeof keycloak>[0]), mistake);
  assert.throws(() => keycloak({ url: "http://id.example.org", realm: "x" }), mistake, "http off loopback");
});

test("what a preset says can be overruled, the name too", () => {
  const { name, label, scope } = auth0({
    name: "staff",
    label: "Staff",
    domain: "EXAMPLE.auth0.com",
    scope: "openid email",
  });
  assert.deepEqual([name, label, scope], ["staff", "Staff", "openid email"]);
});
