/**
 * The names by which sessions are listed in the store: of an account, of a session at the issuer, of a person.
 *
 * OpenID Connect Core §5.7 (issuer and subject together name an account), Back-Channel Logout 1.0 §2.4 (`sid`).
 * Guarantees names of bounded length that tell nothing about anybody: digests, each of a list that nothing else makes.
 */
import { digestOf } from "@valetkey/protocol/random";

/** What an account is known by. */
export interface AccountNames {
  readonly iss: string;
  readonly sub: string;
  readonly sid?: string;
}

/** Names an account: the pair of issuer and subject. */
export const personId = (iss: string, sub: string): Promise<string> => digestOf(JSON.stringify([iss, sub]));

/** Names what the issuer calls its session with a browser. */
export const sidId = (iss: string, sid: string): Promise<string> => digestOf(JSON.stringify([iss, "sid", sid]));

/** Names a person of the application. */
export const knownId = (knownAs: string): Promise<string> => digestOf(JSON.stringify(["person", knownAs]));

/** By what an account is listed. */
export async function accountNames({ iss, sub, sid }: AccountNames) {
  return { subject: await personId(iss, sub), ...(sid === undefined ? {} : { client: await sidId(iss, sid) }) };
}
