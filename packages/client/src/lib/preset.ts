/**
 * Preset: what is known about one provider, as data, and the function that makes a way to sign in of it.
 *
 * The facts come from the provider's own documentation, which every preset names. Guarantees that an application can overrule
 * each of them (options come last), and that a preset which needs to know a place says so at once.
 */
import { ClientError } from "../client-error.ts";
import { type OAuth1Options, type OAuth1Provider, oauth1 } from "../oauth1.ts";
import { type OAuth2Options, type OAuth2Provider, oauth2 } from "../oauth2.ts";
import { type OidcOptions, type OidcProvider, oidc } from "../oidc.ts";

/** What a preset says about itself. */
export interface About {
  /** Name of the function and, unless another is given, of the provider: `{NAME}_CLIENT_ID` holds the credentials. */
  readonly name: string;
  /** What the button says. */
  readonly label: string;
  /** The provider's own documentation. */
  readonly sources: readonly string[];
  /**
   * What the provider says about e-mail addresses. `verified only`: it gives, or the preset takes, no others. `said`: look at
   * `email_verified`. `not said`, `not verified`: never link accounts by it. `none`: there is no address.
   */
  readonly email: "verified only" | "said" | "not said" | "not verified" | "none";
  /**
   * `true`: endpoints, client authentication and the reading of the profile agree with the provider's documentation or with at
   * least two independent clients in use. Otherwise what could not be confirmed. Nobody signed in at the live service.
   */
  readonly confirmed: true | string;
  /** What an application has to know, in one line. */
  readonly note?: string;
}

export type OAuth2PresetOptions = Partial<Omit<OAuth2Options, "profile" | "readTokens">> & { readonly name?: string };
export type OidcPresetOptions = Partial<Omit<OidcOptions, "profile">> & { readonly name?: string };
export type OAuth1PresetOptions = Partial<Omit<OAuth1Options, "profile">> & { readonly name?: string };

type Provider = OAuth2Provider | OidcProvider | OAuth1Provider;
type Words = Readonly<Record<string, string>>;
type Nothing = Readonly<Record<never, string>>;

/** A preset as it is listed: what it says, and the provider it makes. */
export interface Listed {
  readonly about: About;
  /** Arguments it cannot do without, each with an example. */
  readonly needs: Words;
  /** Arguments that have a default. */
  readonly usual: Words;
  /** Makes the provider, with the examples for arguments. */
  readonly example: () => Provider;
}

/** A function that makes a provider and can be listed. */
export interface Preset<Options, Needs extends Words, Usual extends Words, P extends Provider> extends Listed {
  (
    ...options: [keyof Needs] extends [never]
      ? [options?: Options & Partial<Usual>]
      : [options: Options & Needs & Partial<Usual>]
  ): P;
}

/** Where a provider is, if it is not in one place for everybody: own servers, tenants, shops. */
export interface Place<Needs extends Words, Usual extends Words, Data> {
  readonly needs?: Needs;
  readonly usual?: Usual;
  readonly at: (place: Needs & Usual) => Data;
}

/** A preset of plain OAuth 2. */
export const oauth2Preset = <Needs extends Words = Nothing, Usual extends Words = Nothing>(
  about: About,
  data: OAuth2Options | Place<Needs, Usual, OAuth2Options>,
) => preset<OAuth2Options, OAuth2PresetOptions, Needs, Usual, OAuth2Provider>(about, data, oauth2);

/** A preset of OpenID Connect. */
export const oidcPreset = <Needs extends Words = Nothing, Usual extends Words = Nothing>(
  about: About,
  data: OidcOptions | Place<Needs, Usual, OidcOptions>,
) => preset<OidcOptions, OidcPresetOptions, Needs, Usual, OidcProvider>(about, data, oidc);

/** A preset of OAuth 1.0a. */
export const oauth1Preset = (about: About, data: OAuth1Options) =>
  preset<OAuth1Options, OAuth1PresetOptions, Nothing, Nothing, OAuth1Provider>(about, data, oauth1);

function preset<
  Data extends object,
  Options extends { readonly name?: string },
  Needs extends Words,
  Usual extends Words,
  P extends Provider,
>(
  about: About,
  data: Data | Place<Needs, Usual, Data>,
  create: (name: string, data: Data) => P,
): Preset<Options, Needs, Usual, P> {
  const place: Place<Needs, Usual, Data> = "at" in data ? data : { at: () => data };
  const needs: Words = place.needs ?? {};
  const usual: Words = place.usual ?? {};
  const make = (given: Options | undefined): P => {
    const { name = about.name, ...options } = (given ?? {}) as Record<string, unknown> & { readonly name?: string };
    const where: Record<string, string> = { ...usual };
    for (const word of [...Object.keys(needs), ...Object.keys(usual)]) {
      const value = options[word] ?? usual[word];
      if (typeof value !== "string" || value === "") {
        throw new ClientError("configuration_invalid", `${about.name}() needs ${word}, e.g. "${needs[word]}"`);
      }
      where[word] = word === "domain" ? readDomain(about, value) : value;
      delete options[word];
    }
    return create(name, { label: about.label, ...place.at(where as Needs & Usual), ...options });
  };
  const callable = (...[options]: readonly (Options | undefined)[]) => make(options);
  return Object.assign(callable, { about, needs, usual, example: () => make(needs as unknown as Options) });
}

/** A host name, so that what stands behind it cannot move the endpoints elsewhere. */
function readDomain(about: About, value: string): string {
  if (/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$/i.test(value)) return value.toLowerCase();
  throw new ClientError(
    "configuration_invalid",
    `${about.name}(): domain is a host name like id.example.org, got ${value}`,
  );
}
