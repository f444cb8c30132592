/**
 * What a client authentication method is: a name in `token_endpoint_auth_method` and a check (RFC 6749 §2.3).
 */
import type { Form } from "@valetkey/protocol/form";
import type { Client } from "../clients.ts";
import type { Op } from "../op.ts";

/** What a request presents for one method: who it claims to be. */
export interface Presented {
  readonly client_id: string;
}

export interface ClientAuthMethod {
  readonly method: "client_secret_basic" | "client_secret_post" | "none";
  /**
   * Reads what the request presents for this method: `undefined` if it does not use it. Malformed → `invalid_client`.
   */
  read(request: Request, form: Form): Presented | undefined;
  /** Whether the presented proof is right for this client. */
  verify(op: Op, client: Client, request: Request, form: Form): Promise<boolean>;
}
