/**
 * Sign in with places code lives: GitLab, Bitbucket, Gitea and Forgejo, Hugging Face.
 *
 * OpenID Connect Core §3.1, RFC 6749 §4.1. GitHub has a file of its own.
 * Guarantees that Bitbucket's e-mail is a confirmed one.
 */
import { oauth2Preset, oidcPreset } from "../lib/preset.ts";
import { list, object, profileOf, text, verifiedEmail } from "../lib/read-profile.ts";

/** Signs people in with GitLab. `gitlab({ url: "https://gitlab.example.org" })` for one's own. */
export const gitlab = oidcPreset(
  {
    name: "gitlab",
    label: "GitLab",
    sources: ["https://docs.gitlab.com/integration/openid_connect_provider/", "https://docs.gitlab.com/api/oauth2/"],
    email: "said",
    confirmed: true,
  },
  { usual: { url: "https://gitlab.com" }, at: ({ url }) => ({ issuer: url, api: `${url}/api/v4` }) },
);

/** Signs people in with Bitbucket Cloud. */
export const bitbucket = oauth2Preset(
  {
    name: "bitbucket",
    label: "Bitbucket",
    sources: [
      "https://support.atlassian.com/bitbucket-cloud/docs/use-oauth-on-bitbucket-cloud/",
      "https://developer.atlassian.com/cloud/bitbucket/rest/api-group-users/",
    ],
    email: "verified only",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://bitbucket.org/site/oauth2/authorize",
    token_endpoint: "https://bitbucket.org/site/oauth2/access_token",
    code_challenge_methods_supported: [],
    scope: "account email",
    api: "https://api.bitbucket.org/2.0",
    async profile(api) {
      const me = await api.json("user");
      const addresses = list((await api.json("user/emails")).values).map(object);
      return profileOf(me, {
        // Names can change; the uuid does not.
        id: me.uuid,
        name: me.display_name,
        username: text(me.username) ?? me.nickname,
        ...verifiedEmail(
          addresses.map(({ email, is_primary, is_confirmed }) => ({
            email,
            primary: is_primary,
            verified: is_confirmed,
          })),
        ),
        picture: object(object(me.links).avatar).href,
      });
    },
  },
);

/** Signs people in with a Gitea server: `url` is its address. */
export const gitea = oauth2Preset(
  {
    name: "gitea",
    label: "Gitea",
    sources: ["https://docs.gitea.com/development/oauth2-provider"],
    email: "not said",
    confirmed: true,
  },
  { usual: { url: "https://gitea.com" }, at: ({ url }) => giteaAt(url) },
);

/** Signs people in with a Forgejo server: `url` is its address, default Codeberg. */
export const forgejo = oauth2Preset(
  {
    name: "forgejo",
    label: "Forgejo",
    sources: ["https://forgejo.org/docs/latest/user/oauth2-provider/"],
    email: "not said",
    confirmed: "Its own documentation could not be read: it is Gitea's preset, which Forgejo continues.",
  },
  { usual: { url: "https://codeberg.org" }, at: ({ url }) => giteaAt(url) },
);

const giteaAt = (url: string) => ({
  authorization_endpoint: `${url}/login/oauth/authorize`,
  token_endpoint: `${url}/login/oauth/access_token`,
  scope: "openid profile email",
  api: `${url}/login/oauth`,
  async profile(api: { json(url: string): Promise<Record<string, unknown>> }) {
    const me = await api.json("userinfo");
    return profileOf(me, {
      id: me.sub,
      name: text(me.name) ?? me.preferred_username,
      username: me.preferred_username,
      email: me.email,
      picture: me.picture,
    });
  },
});

/** Signs people in with Hugging Face. */
export const huggingface = oidcPreset(
  {
    name: "huggingface",
    label: "Hugging Face",
    sources: ["https://huggingface.co/docs/hub/oauth", "https://huggingface.co/docs/hub/sign-in-with-hf"],
    email: "said",
    confirmed: true,
  },
  { issuer: "https://huggingface.co" },
);
