/**
 * The ways to sign in: a provider of our own, any OpenID Connect issuer named in the environment, and those of the well-known
 * ones this app is registered with.
 *
 * The address to register is <app>/auth/callback/<name>, e.g. http://localhost:4007/auth/callback/github.
 */
import { discover } from "@valetkey/client/discover";
import { oidc } from "@valetkey/client/oidc";
import type { Provider } from "@valetkey/client/provider";
import { discord, facebook, github, gitlab, google, x } from "@valetkey/client/providers";

/** One way, and where its API says who the person is: relative to the provider's `api`, or absolute. */
export interface Way {
  readonly provider: Provider;
  readonly whoAmI: () => string | Promise<string>;
  /** The provider has a sign-out of its own. */
  readonly signsOut: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the ways from the environment. `own` is the provider that start.ts runs beside the app. */
export function readWays(env: Environment, own: { issuer: string; client_secret: string } | undefined): Way[] {
  const ways: Way[] = [];
  if (own !== undefined) {
    const { issuer, client_secret } = own;
    ways.push(openid(oidc("valetkey", { issuer, client_id: "social-login", client_secret, scope, label: "Valetkey" })));
  }
  // COMPANY_ISSUER, COMPANY_CLIENT_ID and COMPANY_CLIENT_SECRET: whatever OpenID Connect provider you have.
  if (env.COMPANY_ISSUER) {
    ways.push(
      openid(oidc("company", { issuer: env.COMPANY_ISSUER, scope, label: env.COMPANY_NAME ?? "your company" })),
    );
  }
  // GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET, and so on: createOAuth reads them itself, here is only asked whether they are set.
  for (const { make, whoAmI } of wellKnown) {
    const provider = make();
    if (!env[`${provider.name.toUpperCase()}_CLIENT_ID`]) continue;
    ways.push({ provider, whoAmI: () => whoAmI, signsOut: false });
  }
  return ways;
}

// offline_access: a refresh token, so that the API can be asked when the access token has expired.
const scope = "openid profile email offline_access";

const wellKnown: readonly { readonly make: () => Provider; readonly whoAmI: string }[] = [
  { make: () => github(), whoAmI: "user" },
  {
    // Google gives a refresh token to those who ask in this way, and its userinfo is on another host than the issuer.
    make: () =>
      google({
        authorization_params: { access_type: "offline", prompt: "consent" },
        api: "https://openidconnect.googleapis.com/v1",
      }),
    whoAmI: "userinfo",
  },
  { make: () => facebook(), whoAmI: "me?fields=id,name,email" },
  { make: () => x(), whoAmI: "users/me" },
  { make: () => gitlab(), whoAmI: "user" },
  { make: () => discord(), whoAmI: "users/@me" },
];

/** Any issuer says in its metadata where it answers questions, and whether people can sign out there. */
function openid(provider: ReturnType<typeof oidc>): Way {
  const whoAmI = async () => {
    const { userinfo_endpoint } = await discover(provider.issuer);
    if (userinfo_endpoint === undefined) throw new Error(`${provider.issuer} has no userinfo endpoint`);
    return userinfo_endpoint;
  };
  return { provider, whoAmI, signsOut: true };
}
