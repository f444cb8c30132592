/**
 * Sign-in on the screens of one's own application: the authorization challenge endpoint (draft-ietf-oauth-first-party-apps-04).
 *
 * Experimental: the draft changes its names from version to version. What the application asks people for, and when that is enough, is
 * decided by a function. Guarantees that only clients an administrator called first-party get this far (§9.1), that a session of
 * questions belongs to one client and one key (§9.6.1), and that it ends in the same kind of code as everywhere else.
 */
import type { Form } from "@valetkey/protocol/form";
import type { Json } from "@valetkey/store";
import type { Client } from "./clients.ts";
import { challengeEndpoint } from "./endpoints/challenge.ts";
import type { AuthorizationRequest } from "./entries.ts";
import type { Awaitable, Peer } from "./op.ts";
import type { Login } from "./options.ts";
import type { Extension } from "./part.ts";

/** What the application sent, this time. */
export interface Attempt {
  readonly client: Client;
  /** What it asks for, as it was in the first request. */
  readonly request: AuthorizationRequest;
  /** What it sent now: whatever fields the two have agreed on. Text from outside. */
  readonly form: Form;
  /** What `more` said the last time; nothing in the first request. */
  readonly state?: Json;
  readonly peer: Peer;
}

export type Verdict =
  /** The person is known: there will be a code. */
  | ({ readonly step: "login" } & Omit<Login, "remember">)
  /** Ask for more: `members` go to the application, `state` comes back with its answer. */
  | { readonly step: "more"; readonly members?: Readonly<Record<string, unknown>>; readonly state?: Json }
  /** This has to be done in a browser. */
  | { readonly step: "web" }
  | { readonly step: "refuse"; readonly description?: string };

export interface FirstPartyApps extends Extension {
  readonly extension: "first_party_apps";
  readonly allow: (client: Client) => boolean;
  readonly decide: (attempt: Attempt) => Awaitable<Verdict>;
  /** Seconds. */
  readonly lifetime: number;
  readonly maxAttempts: number;
}

/**
 * For `extensions`. `decide` says what becomes of an attempt; guessing of passwords is for it to slow down, too. `allow`: clients that
 * may do this; those an administrator called `firstParty` unless given. `lifetime` of a session of questions in seconds, 600;
 * `maxAttempts` in it, 10.
 */
export function experimentalFirstPartyApps(options: {
  readonly decide: FirstPartyApps["decide"];
  readonly allow?: FirstPartyApps["allow"];
  readonly lifetime?: number;
  readonly maxAttempts?: number;
}): FirstPartyApps {
  const { decide, lifetime = 600, maxAttempts = 10 } = options;
  const { allow = ({ firstParty, provenance }) => firstParty && provenance !== "dynamic" } = options;
  const apps: FirstPartyApps = {
    extension: "first_party_apps",
    allow,
    decide,
    lifetime,
    maxAttempts,
    endpoints: [
      {
        name: "challenge",
        methods: ["POST"],
        who: "server",
        run: (op, request, peer) => challengeEndpoint(op, apps, request, peer),
      },
    ],
    metadata: (op) => ({ authorization_challenge_endpoint: op.urls.challenge }),
  };
  return apps;
}
