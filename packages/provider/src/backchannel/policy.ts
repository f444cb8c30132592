/**
 * What a server decides about backchannel authentication: who is meant, how they hear of it, how long they have (CIBA Core §5, §7).
 */
import type { JwsAlgorithm } from "@valetkey/protocol/jwk";
import type { Client } from "../clients.ts";
import type { Awaitable } from "../op.ts";

/** Something waits for a person. */
export interface Notice {
  readonly subject: string;
  readonly id: string;
  /** Where they decide; opens only for them. */
  readonly url: string;
  readonly client: { readonly client_id: string; readonly client_name: string };
  /** Shown on the other device, too. */
  readonly binding_message?: string;
  /** Milliseconds: when it ends. */
  readonly until: number;
}

/** The functions and bounds `ciba()` is given. */
export interface BackchannelPolicy {
  /** Finds the person a client means by `login_hint`; nothing: nobody. */
  resolve(login_hint: string, client: Client): Awaitable<string | undefined>;
  /**
   * Finds the person a client means by `login_hint_token`, whatever that is between the two; nothing: nobody. Throws
   * `expired_login_hint_token`. Absent: such tokens are refused.
   */
  resolveToken?(login_hint_token: string, client: Client): Awaitable<string | undefined>;
  /** Tells the person, e.g. by mail or push. Not waited for; what it throws is logged. They find the request at `pages.approve`, too. */
  notify?(notice: Notice): Awaitable<void>;
  /** Checks a secret of the person's that keeps strangers from ringing (§7.1). Given: every request must carry one. */
  checkUserCode?(subject: string, user_code: string): Awaitable<boolean>;
  /** Seconds a person has to decide if the client does not say: 300 unless given. */
  readonly lifetime: number;
  /** Seconds a client can ask for at most: 900 unless given. */
  readonly longest: number;
  /** Seconds between two polls: 5 unless given. */
  readonly interval: number;
  /** Algorithms of signed requests (§7.1.1). */
  readonly algorithms: readonly JwsAlgorithm[];
  /** Milliseconds to wait before each further try to tell a client that it was decided (§10.2): 1, 4 and 10 seconds unless given. */
  readonly pingDelays: readonly number[];
}
