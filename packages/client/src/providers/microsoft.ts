/**
 * Sign in with Microsoft Entra ID, work, school and personal accounts.
 *
 * OpenID Connect Core §3.1.3.7 (issuer), §5.7 (an e-mail address is no identifier).
 * Guarantees that an address counts as verified only with `xms_edov`: whoever runs a tenant writes any address they like.
 */
import { oidcPreset } from "../lib/preset.ts";

/** Signs people in with Microsoft. `tenant` is an id or domain, or `organizations`, `consumers`, `common` (default). */
export const microsoft = oidcPreset(
  {
    name: "microsoft",
    label: "Microsoft",
    sources: [
      "https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols-oidc",
      "https://learn.microsoft.com/en-us/entra/identity-platform/migrate-off-email-claim-authorization",
      "https://learn.microsoft.com/en-us/entra/identity-platform/optional-claims-reference",
    ],
    email: "said",
    confirmed: true,
    note: "An e-mail counts as verified only with the optional claim xms_edov, to be added to the registration.",
  },
  {
    usual: { tenant: "common" },
    at: ({ tenant }) => ({
      issuer: `https://login.microsoftonline.com/${encodeURIComponent(tenant)}/v2.0`,
      // These three stand for many tenants, each an issuer of its own, which the token names.
      ...(["common", "organizations", "consumers"].includes(tenant)
        ? { issuer_template: "https://login.microsoftonline.com/{tid}/v2.0" }
        : {}),
      profile: (claims) => ({ email_verified: isTrue(claims.xms_edov) }),
    }),
  },
);

// Documented as a boolean; seen as 1 and as text too.
const isTrue = (value: unknown): boolean => value === true || value === 1 || value === "1" || value === "true";
