/**
 * Sign in with Google.
 *
 * OpenID Connect Core §3.1. Google announces PKCE and everything else in its discovery document.
 * Guarantees nothing beyond what `oidc` does: Google follows the specification.
 */
import { oidcPreset } from "../lib/preset.ts";

/** Signs people in with Google. */
export const google = oidcPreset(
  {
    name: "google",
    label: "Google",
    sources: [
      "https://developers.google.com/identity/openid-connect/openid-connect",
      "https://developers.google.com/identity/protocols/oauth2/web-server",
    ],
    email: "said",
    confirmed: true,
    note: 'A refresh token needs authorization_params: { access_type: "offline", prompt: "consent" }. Google speaks for an address only if it ends in @gmail.com or the claim hd is there.',
  },
  { issuer: "https://accounts.google.com" },
);
