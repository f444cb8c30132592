/**
 * Chooses where a registration leaves a choice: a client says all it supports, the server picks, and the answer says what
 * (OpenID Connect Relying Party Metadata Choices 1.0 §2 and §4).
 *
 * Guarantees that what is picked is among what this server announces under the very same name, and that a preference which both
 * have is kept. Protection nobody asked for is not switched on because a client could cope with it.
 */
import { invalidClientMetadata } from "@valetkey/protocol/errors";
import { serverMetadata } from "./endpoints/discovery.ts";
import { texts } from "./lib/client-members.ts";
import type { Op } from "./op.ts";

/** The list a client may send, and the member it is a choice for. */
const choices: Readonly<Record<string, string>> = {
  token_endpoint_auth_methods_supported: "token_endpoint_auth_method",
  token_endpoint_auth_signing_alg_values_supported: "token_endpoint_auth_signing_alg",
  subject_types_supported: "subject_type",
  id_token_signing_alg_values_supported: "id_token_signed_response_alg",
  id_token_encryption_alg_values_supported: "id_token_encrypted_response_alg",
  id_token_encryption_enc_values_supported: "id_token_encrypted_response_enc",
  userinfo_signing_alg_values_supported: "userinfo_signed_response_alg",
  userinfo_encryption_alg_values_supported: "userinfo_encrypted_response_alg",
  userinfo_encryption_enc_values_supported: "userinfo_encrypted_response_enc",
  introspection_signing_alg_values_supported: "introspection_signed_response_alg",
  introspection_encryption_alg_values_supported: "introspection_encrypted_response_alg",
  introspection_encryption_enc_values_supported: "introspection_encrypted_response_enc",
  authorization_signing_alg_values_supported: "authorization_signed_response_alg",
  authorization_encryption_alg_values_supported: "authorization_encrypted_response_alg",
  authorization_encryption_enc_values_supported: "authorization_encrypted_response_enc",
  request_object_signing_alg_values_supported: "request_object_signing_alg",
  request_object_encryption_alg_values_supported: "request_object_encryption_alg",
  request_object_encryption_enc_values_supported: "request_object_encryption_enc",
  backchannel_authentication_request_signing_alg_values_supported: "backchannel_authentication_request_signing_alg",
};

/** Of these there is always one; of the others, none unless the client wants one. */
const always = ["token_endpoint_auth_method", "subject_type", "id_token_signed_response_alg"];

const aList = texts(50, 100);

/** Gives the metadata with every choice made and the lists gone. Throws `invalid_client_metadata` where nothing is common. */
export function choose(op: Op, given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  if (!Object.keys(choices).some((name) => Object.hasOwn(given, name))) return { ...given };
  const announced: Readonly<Record<string, unknown>> = serverMetadata(op);
  const chosen: Record<string, unknown> = { ...given };
  for (const [name, member] of Object.entries(choices)) {
    const offered = given[name];
    delete chosen[name];
    if (offered === undefined || offered === null) continue;
    aList(offered, name);
    const wish = given[member] ?? undefined;
    const theirs = offered as readonly string[];
    // §4: a single value beside the list is the one the client would rather have.
    if (wish !== undefined && !theirs.includes(wish as string))
      throw invalidClientMetadata(`${member} must be one of ${name}`);
    const ours = Array.isArray(announced[name]) ? (announced[name] as readonly string[]) : undefined;
    if (ours === undefined || (wish === undefined && !always.includes(member))) continue;
    if (wish !== undefined && ours.includes(wish as string)) continue;
    const common = ours.filter((one) => theirs.includes(one));
    const best = member === "token_endpoint_auth_method" ? usableMethod(op, given, common) : common[0];
    if (best === undefined) throw invalidClientMetadata(`${name} has nothing in common with ${ours.join(", ")}`);
    chosen[member] = best;
  }
  return chosen;
}

/** A key if the client has one, then a secret, and nothing at all last. */
function usableMethod(op: Op, given: Readonly<Record<string, unknown>>, common: readonly string[]): string | undefined {
  const hasKeys = (given.jwks ?? given.jwks_uri ?? undefined) !== undefined;
  const rank = (method: string) => {
    if (method === "none") return 3;
    if (method === "private_key_jwt") return hasKeys ? 0 : 4;
    return op.clientAuth.find((one) => one.method === method)?.secret === undefined ? 2 : 1;
  };
  const [best] = [...common].sort((one, other) => rank(one) - rank(other));
  return best !== undefined && rank(best) < 4 ? best : undefined;
}
