/**
 * Public clients: they say who they are and prove nothing (RFC 6749 §2.1 and §3.2.1, OpenID Connect Core §9 `none`).
 *
 * What keeps others from using their codes is PKCE (RFC 7636). Guarantees that a request which carries any credential
 * is not taken for a public client's.
 */
import { type ClientAuthMethod, readBare } from "./method.ts";

/** `none`: `client_id` in the form and nothing else. */
export const none: ClientAuthMethod = {
  method: "none",
  read: readBare,
  async verify(_op, client) {
    return !client.confidential;
  },
};
