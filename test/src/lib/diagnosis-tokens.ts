/** The code came back, and the tokens do not: credentials, the token endpoint, the ID token, userinfo, later calls. */
import { oauth2 } from "@valetkey/client";
import { generateKey, signJwt } from "@valetkey/protocol/jose";
import { clientSecret } from "./diagnosis-issuer.ts";
import { type Mistake, type Row, row, signIn } from "./diagnosis-stage.ts";

const noToken = [/did not give the application a token/];
const refused = (title: string, mistake: Mistake, ...log: readonly RegExp[]): Row =>
  row(title, "token_refused", mistake, log, noToken);
const answered = (title: string, token: NonNullable<Mistake["faults"]>["token"] & {}, ...log: readonly RegExp[]): Row =>
  row(title, "token_response_invalid", { faults: { token } }, log, [/cannot be used/]);
const idToken = (title: string, mistake: Mistake, ...log: readonly RegExp[]): Row =>
  row(title, "id_token_invalid", mistake, log, [/who you are \(ID token\) is not valid/]);
const clock = (title: string, seconds: number, claim: "iat" | "exp" | "nbf", ...log: readonly RegExp[]): Row =>
  row(title, "clock_skew", { faults: { claims: (good) => shifted(good, claim, seconds) } }, log, [
    /the clocks of the two machines differ/,
  ]);
const userinfo = (
  title: string,
  told: NonNullable<Mistake["faults"]>["userinfo"] & {},
  ...log: readonly RegExp[]
): Row => row(title, "userinfo_invalid", { faults: { userinfo: told } }, log, [/no usable information/]);

/** As a machine whose clock is off by so many seconds would have made it. */
function shifted(good: Readonly<Record<string, unknown>>, claim: "iat" | "exp" | "nbf", seconds: number) {
  const now = Math.floor(Date.now() / 1000);
  if (claim === "nbf") return { ...good, nbf: now + seconds };
  return { ...good, iat: now + seconds, exp: now + seconds + 300 };
}

const withSecret = (client_secret: string): Mistake => ({ provider: { client_secret } });

export const tokenRows: readonly Row[] = [
  refused(
    "the client secret is another one",
    withSecret("a-wrong-secret-altogether"),
    /answered 401 invalid_client to the client app with client_secret_basic/,
    /Compare client_id app and its secret with the registration/,
    /where it is client_secret_post, say so/,
  ),
  refused(
    "the refusal comes with 400",
    { faults: { token: () => ({ error: "invalid_client" }) } },
    /invalid_client to the client app/,
    /Compare client_id app/,
  ),
  refused("the client secret ends with a blank", withSecret(`${clientSecret} `), /begins or ends with white space/),
  refused("the client secret stands in quotation marks", withSecret(`"${clientSecret}"`), /stands in quotation marks/),
  refused("the client secret is URL-encoded", withSecret("abc%2Bdef%3D"), /looks URL-encoded/),
  refused("the client secret is a masked copy", withSecret("************"), /masked copy/),
  refused(
    "the secret has characters that are encoded in the header",
    withSecret("a+b/c=:d"),
    /characters that are encoded in the header.*client_secret_post/,
  ),
  refused(
    "the client is registered for client_secret_post, and the issuer says so",
    {
      faults: {
        method: "client_secret_post",
        discovery: (good) => ({ ...good, token_endpoint_auth_methods_supported: ["client_secret_post"] }),
      },
    },
    /client_secret_basic was used, but the provider announces only client_secret_post/,
    /token_endpoint_auth_method: "client_secret_post"/,
  ),
  refused(
    "the client is registered for client_secret_basic, and posts its secret",
    { provider: { token_endpoint_auth_method: "client_secret_post" } },
    /with client_secret_post/,
    /where it is client_secret_basic/,
  ),
  refused(
    "Entra is given the id of the secret",
    {
      faults: {
        token: () => ({ error: "invalid_client", error_description: "AADSTS7000215: Invalid client secret provided." }),
      },
    },
    /copy the column Value.*not Secret ID/,
  ),
  refused(
    "the client secret has expired",
    {
      faults: {
        token: () => ({
          error: "invalid_client",
          error_description: "AADSTS7000222: The provided client secret keys are expired.",
        }),
      },
    },
    /client secret has expired/,
  ),
  refused(
    "the token endpoint wants another redirect_uri",
    { faults: { token: () => ({ error: "invalid_grant", error_description: "redirect_uri does not match" }) } },
    /Register exactly this redirect URI for the client app at the provider: http:\/\/localhost:\d+\/auth\/callback\/acme/,
  ),
  refused(
    "the code was used before",
    { faults: { token: () => ({ error: "invalid_grant", error_description: "the code was used" }) } },
    /used before, has expired/,
    /prefetch/,
  ),
  refused(
    "the client may not use the grant type",
    { faults: { token: () => ({ error: "unauthorized_client" }) } },
    /Allow the client app the grant type authorization_code/,
  ),
  answered(
    "the token endpoint answers with a web page",
    () => ({ status: 200, type: "text/html", text: "<html>Sign in to the network" }),
    /200 with a web page \(text\/html\)/,
    /captive portal/,
  ),
  answered(
    "the token endpoint is 404",
    () => ({ status: 404, text: "" }),
    /404 with an empty body/,
    /compare it with the provider's documentation/,
  ),
  answered(
    "the token endpoint answers with a form",
    (good) => ({
      status: 200,
      type: "application/x-www-form-urlencoded",
      text: `access_token=${good.access_token}&token_type=bearer`,
    }),
    /with a form \(application\/x-www-form-urlencoded\)/,
    /JSON at the provider/,
  ),
  answered(
    "the token endpoint answers with the bare token",
    (good) => ({ status: 200, text: String(good.access_token).slice(0, 30) }),
    /something else than a JSON object/,
  ),
  answered(
    "the token endpoint redirects",
    () => ({ status: 302, location: "https://id.example/login?next=%2Ftoken" }),
    /a redirect to https:\/\/id\.example\/login \(/,
    /final address/,
  ),
  answered(
    "the token is of a type nobody asked for",
    (good) => ({ ...good, token_type: "mac" }),
    /token_type is mac, expected bearer/,
  ),
  answered(
    "expires_in is a text",
    (good) => ({ ...good, expires_in: "3600" }),
    /expires_in is a string, expected a number/,
  ),
  answered(
    "the token answer is larger than one should be",
    (good) => ({ ...good, more: "x".repeat(70_000) }),
    /cannot be read: .*(large|65536|bytes)/,
  ),
  row("the token endpoint cuts the connection", "issuer_unavailable", { options: { fetch: cutAt("/token") } }, [
    /token cannot be reached: the connection was cut/,
  ]),
  row(
    "a provider without ID tokens",
    "id_token_missing",
    { faults: { token: ({ id_token: _, ...good }) => good } },
    [/has no id_token, expected one with the scope openid/, /oauth2\(\)/],
    [/there is no ID token/],
  ),
  idToken(
    "the ID token is of another issuer",
    { faults: { claims: (good) => ({ ...good, iss: `${good.iss}/` }) } },
    /iss is http:[^ ]*\/, expected http:/,
    /slash at the end/,
  ),
  idToken(
    "the ID token is for another client",
    { faults: { claims: (good) => ({ ...good, aud: "another-client" }) } },
    /aud is another-client, expected app/,
    /compare client_id/,
  ),
  idToken(
    "the ID token was made for another party",
    { faults: { claims: (good) => ({ ...good, azp: "another-client" }) } },
    /azp is another-client, expected app/,
  ),
  idToken(
    "the algorithm is another one than registered",
    { provider: { id_token_signed_response_alg: "RS256" } },
    /alg is ES256, expected RS256/,
    /id_token_signed_response_alg: "ES256"/,
  ),
  idToken(
    "the ID token is signed with the secret",
    { faults: { sign: unsigned("HS256") } },
    /alg is HS256, expected ES256/,
    /Register the client .* RS256/,
  ),
  idToken("the ID token is not signed", { faults: { sign: unsigned("none") } }, /alg is none, expected ES256/),
  idToken(
    "the key is not in jwks_uri",
    { faults: { sign: foreign("rotated-away") } },
    /names the kid rotated-away/,
    /Open jwks_uri/,
  ),
  idToken("jwks_uri has no keys", { faults: { jwks: () => ({ keys: [] }) } }, /no such key/, /the key must be in it/),
  idToken(
    "the key in jwks_uri is another one of the same name",
    { faults: { sign: foreign() } },
    /signature:/,
    /not the one that signed/,
  ),
  idToken(
    "the ID token has no nonce",
    { faults: { claims: ({ nonce: _, ...good }) => good } },
    /has no nonce, expected the one that was sent/,
  ),
  idToken(
    "the ID token has another nonce",
    { faults: { claims: (good) => ({ ...good, nonce: "of somebody else" }) } },
    /nonce: /,
    /proxy or a rule/,
  ),
  idToken(
    "max_age is asked for and not answered",
    { provider: { max_age: 60 } },
    /auth_time is missing/,
    /max_age must be left out/,
  ),
  idToken(
    "the ID token is not one",
    { faults: { sign: () => "not a token" } },
    /malformed:/,
    /id_token_encrypted_response_alg/,
  ),
  clock(
    "this machine's clock is behind",
    600,
    "iat",
    /iat \S+Z is (599|600) s ahead of this machine's clock/,
    /expected at most 30 s/,
    /This machine's clock is behind/,
  ),
  clock(
    "this machine's clock is ahead",
    -3600,
    "exp",
    /exp \S+Z is (3300|3301) s behind this machine's clock/,
    /This machine's clock is ahead/,
  ),
  clock(
    "this machine is in the wrong time zone",
    7200,
    "iat",
    /(7199|7200) s ahead/,
    /whole half hours: look at the time zone/,
  ),
  clock("the ID token counts later only", 120, "nbf", /nbf \S+Z is (119|120) s ahead of/),
  userinfo(
    "userinfo refuses the token",
    () => ({ status: 401 }),
    /userinfo answered 401, expected 200/,
    /not accepted there/,
  ),
  userinfo("userinfo is a web page", () => ({ status: 200, type: "text/html", text: "<html>" }), /200 with a web page/),
  userinfo("userinfo says nothing about whom", () => ({ name: "Alice" }), /has no sub/, /oauth2\(\)/),
  row(
    "userinfo is about somebody else",
    "userinfo_subject_mismatch",
    { faults: { userinfo: () => ({ sub: "bob" }) } },
    [/sub is not the one of the ID token/, /cache/],
    [/about somebody else/],
  ),
  {
    title: "a profile without id",
    code: "userinfo_invalid",
    log: [/profile of forge has no usable id/],
    seed: () => signInWithForge(async () => ({ id: "undefined", claims: {} })),
  },
  {
    title: "a profile function that throws",
    code: "userinfo_invalid",
    log: [/the profile function threw/, /TypeError/],
    seed: () =>
      signInWithForge(async () => {
        throw new TypeError("me is not iterable");
      }),
  },
  {
    title: "there is no refresh token for another resource",
    code: "no_refresh_token",
    log: [/acme gave no refresh token/, /offline_access/],
    seed: () =>
      call(async (auth) => auth.fetch("acme", "https://api.example/orders"), {
        provider: { resource: ["https://api.example"] },
        faults: { token: ({ refresh_token: _, ...good }) => good },
      }),
  },
  {
    title: "the refresh token was used elsewhere",
    code: "sign_in_again",
    log: [/no longer accepts the refresh token: the refresh token was used before/, /Send the person to sign in again/],
    seed: () =>
      call(
        async (auth, { issuer }) => {
          issuer.faults = {
            token: () => ({ error: "invalid_grant", error_description: "the refresh token was used before" }),
          };
          return auth.fetch("acme", `${issuer.url}/api`);
        },
        { faults: { token: (good) => ({ ...good, expires_in: 0 }) } },
      ),
  },
  {
    title: "a token is to be sent to an address that was not declared",
    code: "url_not_allowed",
    log: [/elsewhere\.example/, /resource: \[/],
    seed: () => call(async (auth) => auth.fetch("acme", "https://elsewhere.example/orders")),
  },
];

/** Signs somebody in and lets the application call an API. */
const call = (act: NonNullable<Mistake["act"]>, mistake: Mistake = {}) =>
  signIn({
    ...mistake,
    act,
    drive: async ({ app, browser }) => {
      await browser.open(`${app}/me`);
      return browser.open(`${app}/act`);
    },
  });

function signInWithForge(profile: Parameters<typeof oauth2>[1]["profile"]) {
  return signIn({
    drive: async ({ app, browser, instance, issuer }) => {
      const endpoints = { authorization_endpoint: `${issuer.url}/authorize`, token_endpoint: `${issuer.url}/token` };
      const forge = oauth2("forge", {
        ...endpoints,
        issuer: issuer.url,
        client_id: "app",
        client_secret: clientSecret,
        profile,
      });
      return browser.at({ [app]: await instance({ providers: [forge] }) }).open(`${app}/me`);
    },
  });
}

/** A connection that ends in the middle of a request, as a firewall makes it. */
function cutAt(path: string): typeof fetch {
  return async (url, init) => {
    if (!String(url).endsWith(path)) return fetch(url, init);
    throw new TypeError("fetch failed", {
      cause: Object.assign(new Error("other side closed"), { code: "UND_ERR_SOCKET" }),
    });
  };
}

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
function unsigned(alg: string) {
  return (claims: object) => `${part({ alg })}.${part(claims)}.${alg === "none" ? "" : "c2lnbmF0dXJl"}`;
}

/** Signed with a key that is published nowhere, under the name of the one that is, or another. */
function foreign(kid?: string) {
  return async (claims: Readonly<Record<string, unknown>>, key: { readonly kid: string }) => {
    const other = await generateKey("ES256");
    return signJwt(claims, { key: other.privateJwk, alg: "ES256", kid: kid ?? key.kid });
  };
}
