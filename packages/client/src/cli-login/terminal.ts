/**
 * A program in a terminal that signs somebody in: its options once they were read and checked.
 */
import type { Fetch } from "@valetkey/protocol/read-json";
import type { Issuer } from "../lib/issuer.ts";
import type { PollOptions } from "../lib/poll.ts";
import type { ClientAuthentication } from "../token-request.ts";
import type { Output } from "./options.ts";

export interface Terminal {
  readonly issuer: string;
  readonly client: ClientAuthentication;
  readonly scope: string;
  /** Scopes that are asked for only of an issuer which does not say that it has none of that name. */
  readonly optionalScope: readonly string[];
  readonly resource: readonly string[];
  readonly api: string | undefined;
  readonly redirectUri: URL;
  /** Seconds. */
  readonly timeout: number;
  readonly parameters: Readonly<Record<string, string>>;
  readonly prompt: string | undefined;
  readonly via: "browser" | "device" | undefined;
  readonly signal: AbortSignal | undefined;
  readonly wait: PollOptions["wait"] | undefined;
  readonly open: (url: string) => Promise<boolean>;
  /** Whether a browser can be expected to open here. */
  readonly canOpen: boolean;
  readonly output: Output;
  /** Tells the person something, control characters taken out. */
  readonly say: (text: string) => void;
  /** Absolute path of the token file. */
  readonly file: string;
  readonly issuerOf: Issuer;
  readonly now: () => number;
  readonly fetch: Fetch;
}
