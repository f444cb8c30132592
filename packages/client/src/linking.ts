/**
 * When accounts belong to one person: a policy that is written down, not a guess.
 *
 * OpenID Connect Core §5.7 (only issuer and subject name an account; an address never does), OWASP ASVS 6.8.1 and 10.5.2.
 * By rule an account is added by whoever is signed in and asks for it. An address counts for the same only where a provider has the
 * last word on it, and only if the application says so: what anybody can claim at one provider must not open what somebody else
 * began at another.
 */
import type { User } from "./auth.ts";

/**
 * Over which addresses a provider has the last word: those of these domains, `"any"`, or whatever the function finds in what the
 * provider said. Any of them besides needs the provider's word that it verified the address (`email_verified`).
 */
export type Authority = "any" | readonly string[] | ((user: User, issuer: string) => boolean);

/** Made by `byVerifiedEmail`. */
export interface VerifiedEmail {
  /** By name of the provider. */
  readonly trust: Readonly<Record<string, Authority>>;
}

/** `"signed-in"`: only who is signed in adds accounts. */
export type Linking = "signed-in" | VerifiedEmail;

/**
 * Lets `onSignIn` find a person by address too: `from.verifiedEmail` is set where a trusted provider has the last word on it.
 *
 * @example linking: byVerifiedEmail({ trust: { company: ["example.com"], google: googleAccounts } })
 */
export const byVerifiedEmail = ({ trust }: VerifiedEmail): VerifiedEmail => ({ trust: { ...trust } });

/**
 * The addresses Google has the last word on: its own, and those of a Workspace domain. Of any other it knows only that somebody
 * could read mail there when the account was made.
 */
export const googleAccounts = ({ email, claims }: User): boolean => {
  const domain = email?.slice(email.lastIndexOf("@") + 1).toLowerCase();
  return domain === "gmail.com" || domain === "googlemail.com" || (domain !== undefined && claims.hd === domain);
};
