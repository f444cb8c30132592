/**
 * Sign in with GitHub, on github.com or a GitHub Enterprise Server.
 *
 * RFC 6749 §4.1. GitHub answers scopes separated by commas, sends no `iss`, and keeps addresses apart from the profile.
 * Guarantees that only an address GitHub calls verified is given, also when the public one is not.
 */
import { oauth2Preset } from "../lib/preset.ts";
import { object, profileOf, text, verifiedEmail } from "../lib/read-profile.ts";
import type { ProfileApi } from "../profile.ts";

/** Signs people in with GitHub. `github({ domain: "github.example.org" })` for an Enterprise Server. */
export const github = oauth2Preset(
  {
    name: "github",
    label: "GitHub",
    sources: [
      "https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps",
      "https://docs.github.com/en/rest/users/users#get-the-authenticated-user",
      "https://docs.github.com/en/rest/users/emails#list-email-addresses-for-the-authenticated-user",
    ],
    email: "verified only",
    confirmed: true,
    note: "The e-mail is the primary verified one, whatever the public profile shows; it needs the scope user:email.",
  },
  {
    usual: { domain: "github.com" },
    at: ({ domain }) => ({
      issuer: `https://${domain}/login/oauth`,
      authorization_endpoint: `https://${domain}/login/oauth/authorize`,
      token_endpoint: `https://${domain}/login/oauth/access_token`,
      scope: "read:user user:email",
      api: domain === "github.com" ? "https://api.github.com/" : `https://${domain}/api/v3/`,
      headers: {
        Accept: "application/vnd.github+json",
        "User-Agent": "valetkey",
        "X-GitHub-Api-Version": "2022-11-28",
      },
      profile: readGithub,
    }),
  },
);

async function readGithub(api: ProfileApi) {
  const user = await api.json("user");
  const email = mayReadEmail(api) ? await primaryEmail(api) : {};
  return profileOf(user, {
    id: user.id,
    name: text(user.name) ?? user.login,
    username: user.login,
    ...email,
    picture: user.avatar_url,
  });
}

// People can untick scopes, and an application can ask for fewer: then the list is refused, which is no reason to fail.
function mayReadEmail({ tokens }: ProfileApi): boolean {
  if (typeof tokens.scope !== "string") return true;
  return tokens.scope.split(/[ ,]/).some((one) => one === "user" || one === "user:email");
}

async function primaryEmail(api: ProfileApi) {
  const addresses = (await api.list("user/emails")).map(object);
  return verifiedEmail(addresses.map(({ email, primary, verified }) => ({ email, primary, verified })));
}
