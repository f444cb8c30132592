/**
 * Client authentication with a secret: HTTP Basic or form parameters (RFC 6749 §2.3.1).
 *
 * Guarantees that a secret is compared by digest and in constant time, and that one which has expired is no better than
 * a wrong one.
 */
import { readBasic } from "@valetkey/protocol/authorization-header";
import { invalidRequest } from "@valetkey/protocol/errors";
import { matchesDigest } from "@valetkey/protocol/random";
import type { Client } from "../clients.ts";
import type { Op } from "../op.ts";
import type { ClientAuthMethod } from "./method.ts";

/** `client_secret_basic`: the Authorization header. */
export const secretBasic: ClientAuthMethod = {
  method: "client_secret_basic",
  secret: "digest",
  read(request, form) {
    const credentials = readBasic(request.headers.get("authorization"));
    if (credentials === undefined) return undefined;
    // §3.2.1: client_id may be repeated in the body, but one request speaks for one client.
    if (form.client_id !== undefined && form.client_id !== credentials.id) {
      throw invalidRequest("client_id is not the client of the Authorization header");
    }
    return { client_id: credentials.id };
  },
  async verify(op, client, request) {
    return secretMatches(op, client, readBasic(request.headers.get("authorization"))?.secret);
  },
};

/** `client_secret_post`: `client_id` and `client_secret` in the form. */
export const secretPost: ClientAuthMethod = {
  method: "client_secret_post",
  secret: "digest",
  read(_request, form) {
    if (form.client_secret === undefined) return undefined;
    if (form.client_id === undefined) throw invalidRequest("client_id is missing");
    return { client_id: form.client_id };
  },
  async verify(op, client, _request, form) {
    return secretMatches(op, client, form.client_secret);
  },
};

async function secretMatches(op: Op, client: Client, secret: string | undefined): Promise<boolean> {
  if (secret === undefined) return false;
  const now = op.now();
  // All are compared, so that the answer takes as long for the old secret of a rotation as for the new one.
  const matches = await Promise.all(
    client.entry.data.secrets.map(
      async ({ digest, expiresAt }) =>
        (await matchesDigest(secret, digest)) && (expiresAt === undefined || expiresAt > now),
    ),
  );
  return matches.includes(true);
}
