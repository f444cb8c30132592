/**
 * What a server under measurement tells about itself, in one line of JSON on its standard output, as soon as it answers.
 *
 * The one property: the load generator knows nothing else of a server, so that all are asked in the same way.
 */

import type { CastClient, clients } from "./cast.ts";

/** What servers can do; what is not named is shown as "–". */
export type Ability =
  | "token"
  | "token-signed"
  | "introspect"
  | "code-ES256"
  | "code-RS256"
  | "refresh"
  | "userinfo"
  | "flow"
  | "api-opaque"
  | "api-signed";

/** A POST of JSON. */
export interface Setting {
  readonly path: string;
  readonly json: Readonly<Record<string, unknown>>;
}

export interface Target {
  readonly port: number;
  readonly able: readonly Ability[];
  readonly paths: {
    readonly token: string;
    readonly introspect?: string;
    readonly authorize?: string;
    readonly userinfo?: string;
    readonly api?: string;
    readonly signed?: string;
  };
  /** Its store forgets the oldest, sessions too: people sign in anew before each round. */
  readonly forgets?: true;
  /** Its own names for the clients of the cast, where it chooses them. */
  readonly clients?: Readonly<Partial<Record<keyof typeof clients, CastClient>>>;
  /** Where a person signs in with one POST, if not on a page that /authorize leads to. */
  readonly signIn?: Setting;
  /** Further parameters of an authorization request without which this server does not do the same as the others. */
  readonly authorizeMore?: Readonly<Record<string, string>>;
  /** Parameters of a token request of `machine`: for an opaque token, and for a signed one. */
  readonly opaque?: Readonly<Record<string, string>>;
  readonly signed?: Readonly<Record<string, string>>;
  /** Milliseconds until it listened, as the server itself saw it since its process began. */
  readonly started?: number;
}

/** Tells the parent, and ends the process when it is told to or the parent is gone: by itself, so that a profile is written. */
export function ready(target: Target): void {
  process.stdout.write(`${JSON.stringify(target)}\n`);
  process.once("SIGTERM", () => process.exit());
  process.stdin.on("end", () => process.exit()).resume();
}
