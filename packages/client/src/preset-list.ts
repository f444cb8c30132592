/**
 * The presets as a list, for whoever shows a choice, and for docs/providers.md.
 *
 * Apart from `@valetkey/client/providers`, because whoever imports the list gets all of them.
 */
import type { About, Listed } from "./lib/preset.ts";
import type { OAuth1Provider } from "./oauth1.ts";
import type { OAuth2Provider } from "./oauth2.ts";
import type { OidcProvider } from "./oidc.ts";
import * as providers from "./providers.ts";

/** One preset: what it says about itself, how it is called, and the provider it makes. */
export interface PresetEntry extends About {
  /** Name of the function. */
  readonly call: string;
  readonly kind: "oidc" | "oauth2" | "oauth1";
  /** Arguments it cannot do without, each with an example. */
  readonly needs: Readonly<Record<string, string>>;
  /** Further arguments, with their defaults. */
  readonly usual: Readonly<Record<string, string>>;
  /** Made with the examples; without credentials. */
  readonly provider: OAuth1Provider | OAuth2Provider | OidcProvider;
}

const isListed = (value: unknown): value is Listed => typeof value === "function" && "about" in value;

/** All presets, by label. */
export const presets: readonly PresetEntry[] = Object.entries<unknown>(providers)
  .flatMap(([call, value]) => {
    if (!isListed(value)) return [];
    const provider = value.example();
    return [{ ...value.about, call, kind: provider.kind, needs: value.needs, usual: value.usual, provider }];
  })
  .sort((a, b) => a.label.localeCompare(b.label, "en"));
