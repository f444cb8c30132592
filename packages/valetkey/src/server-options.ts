/**
 * What `createServer` takes and gives: the provider with every page, mountable in another application.
 */

import type { Log, Peer } from "@valetkey/provider/op";
import type { Provider, ProviderOptions } from "@valetkey/provider/options";
import type { Directory, SignIn } from "./accounts/directory.ts";
import type { Outbound } from "./guarded-fetch.ts";

/** How the pages look. */
export interface Brand {
  /** Name in titles and headings; the issuer's host unless given. */
  readonly name?: string;
  /** Accent colour, `#rrggbb`; darkened or lightened where contrast needs it. */
  readonly accent?: string;
}

/** Who is signed in at the embedding application: the subject, or more. */
export type SignedIn =
  | string
  | {
      readonly subject: string;
      /** Seconds since the epoch of the last active sign-in. */
      readonly auth_time?: number;
      /** Id of the application's session, where a person may have several. */
      readonly sid?: string;
      /** The authentication context of that sign-in, one of `acrs`. */
      readonly acr?: string;
      /** How the person proved who they are, e.g. `["pwd", "otp"]` (RFC 8176). */
      readonly amr?: readonly string[];
    };

export interface ServerOptions
  extends Omit<
      ProviderOptions,
      "store" | "keys" | "accounts" | "secret" | "session" | "pages" | "errorPage" | "throttle"
    >,
    Partial<Pick<ProviderOptions, "store" | "keys" | "throttle">> {
  /** Own users (`find`, `verify`), or the built-in directory, which adds set-up, profile, password and reset pages. */
  readonly accounts: SignIn | Directory;
  /** At least 32 characters. Without one, and only for a loopback issuer with the memory store, a random one is made. */
  readonly secret?: string | readonly string[];
  /**
   * Signed-in user of the embedding application, or nothing. Then our login page is not used; see `loginUrl`. Say since when
   * (`auth_time`) if clients may ask for a fresh sign-in (`prompt=login`, `max_age`): without it such requests cannot be
   * met. When your application signs somebody out, call `server.provider.sessions.endAll(subject)`, or what clients were
   * given for that session lives on to its end.
   */
  readonly session?: (request: Request) => SignedIn | undefined | Promise<SignedIn | undefined>;
  /** With `session`: the application's own login page; gets `?returnTo=<absolute URL>`, and what clients asked for. */
  readonly loginUrl?: string;
  /** The authentication context that our own login page stands for, which asks for a password; the first of `acrs` unless given. */
  readonly acr?: string;
  /**
   * What may be called from here beside public hosts at port 443: key sets, documents and notices of clients in your own network.
   * Not looked at if there is a `fetch` of your own, which then has to keep strangers out of that network.
   */
  readonly outbound?: Outbound;
  readonly brand?: Brand;
  /** Words under an error or on the login page: where to get help. */
  readonly helpUrl?: string;
}

/** The running parts of a server. */
export interface Server {
  /** Answers endpoints and pages; `undefined`: not one of ours. Never rejects. */
  handle(request: Request, peer?: Peer): Promise<Response | undefined>;
  /**
   * Deletes what has expired, rotates keys that are old, and tells applications of logouts that they have not heard of yet. Call it
   * from a timer, every minute or so; `valetkey serve` does. Rejects (`StoreUnavailable`) when the store cannot answer: the next call
   * makes up for it.
   */
  maintain(): Promise<void>;
  /** The 404 of whoever has none of their own: a page for people, JSON for programs. */
  notFound(request: Request): Promise<Response>;
  readonly provider: Provider;
  readonly log: Log;
  readonly issuer: string;
}
