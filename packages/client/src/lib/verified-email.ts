/**
 * The address by which a person may be found, under the application's policy.
 *
 * OpenID Connect Core §5.1 (`email_verified`) and §5.7, CWE-178 (spellings that look alike).
 * Guarantees that there is none unless the provider is trusted with this very address and says that it verified it.
 */
import type { User } from "../auth.ts";
import { ClientError } from "../client-error.ts";
import type { Authority, Linking } from "../linking.ts";
import type { Remote } from "./remote.ts";

/** Refuses a policy that names nobody, or an issuer of many tenants with addresses each of them can claim. */
export function checkLinking(linking: Linking, remotes: ReadonlyMap<string, Remote>): Linking {
  if (linking === "signed-in") return linking;
  const trust: Readonly<Record<string, Authority>> | undefined = linking?.trust;
  if (typeof trust !== "object" || trust === null)
    throw invalid('must be "signed-in" or byVerifiedEmail({ trust: { … } })');
  for (const [name, authority] of Object.entries(trust)) {
    const remote = remotes.get(name);
    if (remote === undefined) throw invalid(`trusts ${name}, but the providers are ${[...remotes.keys()].join(", ")}`);
    if (typeof authority === "function") continue;
    if (authority !== "any" && !(Array.isArray(authority) && authority.every(isDomain))) {
      throw invalid(`trust.${name} must be a list of domains like "example.com", "any", or a function`);
    }
    // Whoever runs a tenant writes any address they like.
    if (remote.kind === "oidc" && remote.issuer_template !== undefined) {
      throw invalid(`${name} stands for many tenants: trust.${name} must be a function that looks at the issuer`);
    }
  }
  return linking;
}

/** Gives the address in its one spelling; nothing if the policy does not let it count. */
export function verifiedEmail(
  linking: Linking,
  user: User,
  from: { readonly provider: string; readonly issuer: string },
) {
  if (linking === "signed-in" || user.email_verified !== true) return undefined;
  if (!Object.hasOwn(linking.trust, from.provider)) return undefined;
  const email = spelling(user.email);
  const authority = linking.trust[from.provider];
  if (email === undefined || authority === undefined) return undefined;
  const domain = email.slice(email.indexOf("@") + 1);
  if (typeof authority === "function") return authority(user, from.issuer) === true ? email : undefined;
  return authority === "any" || authority.some((one) => one.toLowerCase() === domain) ? email : undefined;
}

/** Plain ASCII in lower case. Anything else may look like another address, or become one when it is compared. */
function spelling(email: string | undefined): string | undefined {
  if (email === undefined || !/^[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}$/.test(email)) return undefined;
  return isDomain(email.slice(email.indexOf("@") + 1)) ? email.toLowerCase() : undefined;
}

const isDomain = (text: unknown): boolean =>
  typeof text === "string" &&
  /^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])$/.test(text);

const invalid = (message: string): ClientError => new ClientError("configuration_invalid", `linking ${message}`);
