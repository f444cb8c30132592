/**
 * What a client authentication method is: a name in `token_endpoint_auth_method` and a check (RFC 6749 §2.3).
 *
 * Guarantees that a method which finds nothing of its own in a request says so, and that those which live on the connection
 * alone yield to whatever the request itself carries.
 */
import type { Form } from "@valetkey/protocol/form";
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import type { Client } from "../clients.ts";
import type { Op, Peer } from "../op.ts";
import type { Part } from "../part.ts";

/** What a request presents for one method: who it claims to be. */
export interface Presented {
  readonly client_id: string;
  /**
   * There is a `client_id` and no credential: whether that is a public client's or one's with a certificate is for its
   * registration to say.
   */
  readonly implied?: true;
}

export interface ClientAuthMethod extends Part {
  /** Its name in `token_endpoint_auth_method`. */
  readonly method: string;
  /** What is kept of a client's secret: its digest, or, encrypted, the secret itself. Absent: such a client has none. */
  readonly secret?: "digest" | "readable";
  /**
   * Reads what the request presents for this method: `undefined` if it does not use it. Malformed → `invalid_client`.
   */
  read(request: Request, form: Form, peer: Peer): Presented | undefined;
  /**
   * Whether the presented proof is right for this client. May throw `invalid_client` with a reason, and `JwksUnavailable` when
   * the keys to check with cannot be had.
   */
  verify(op: Op, client: Client, request: Request, form: Form, peer: Peer): Promise<boolean>;
  /** Checks the metadata of a client that is registered for this method; throws `invalid_client_metadata`. */
  check?(metadata: ClientMetadata, provenance: Client["provenance"]): void;
  /** After `verify`: names the one installation of the software that proved a key of its own; its tokens stay with it. */
  instanceOf?(request: Request): Promise<string>;
}

/** Reads a request that carries no credential, only who it is from. */
export function readBare(request: Request, form: Form): Presented | undefined {
  const carriesCredential =
    request.headers.has("authorization") ||
    form.client_secret !== undefined ||
    form.client_assertion !== undefined ||
    form.client_assertion_type !== undefined;
  return carriesCredential || form.client_id === undefined ? undefined : { client_id: form.client_id, implied: true };
}
