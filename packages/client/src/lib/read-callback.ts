/**
 * Reads the answer of an authorization request in the way it was asked for, and in no other.
 *
 * OAuth 2.0 Form Post Response Mode §2, JARM §2.3, RFC 6749 §4.1.2.
 * Guarantees that an answer which was to be signed counts for nothing unsigned, and that nobody chooses the way but us.
 */
import { isOAuthError } from "@valetkey/protocol/errors";
import { type Form, readForm } from "@valetkey/protocol/form";
import { readAnswer } from "../callback.ts";
import { ClientError } from "../client-error.ts";
import { readJarm } from "../jarm.ts";
import type { App } from "./app.ts";
import type { OidcRemote, Remote } from "./remote.ts";
import { isPosted } from "./transaction.ts";

/** Gives the parameters. One that cannot be read is `response_invalid`; for signed ones see `readJarm`. */
export async function readCallback(app: App, request: Request, remote: Remote): Promise<Form> {
  const posted = isPosted(remote.response_mode);
  const answer = posted ? await readPosted(request) : readAnswer(new URL(request.url));
  return remote.kind === "oidc" && remote.response_mode?.endsWith("jwt") ? readSigned(app, remote, answer) : answer;
}

async function readPosted(request: Request): Promise<Form> {
  try {
    return await readForm(request);
  } catch (cause) {
    if (!isOAuthError(cause)) throw cause;
    throw new ClientError("response_invalid", cause.description, { cause });
  }
}

async function readSigned(app: App, remote: OidcRemote, answer: Form): Promise<Form> {
  const { authorization_encrypted_response_alg: alg, authorization_encrypted_response_enc: enc } = remote;
  const keys = remote.decryption_keys ?? [];
  return readJarm(answer, {
    metadata: await remote.issuerOf.metadata(),
    client_id: remote.client.client_id,
    keys: await remote.issuerOf.keys(),
    alg: remote.authorization_signed_response_alg ?? "RS256",
    now: app.now(),
    clockTolerance: app.clockTolerance,
    ...(alg === undefined
      ? {}
      : { decryption: { keys, algorithms: [alg], encryptions: [enc ?? "A128CBC-HS256"] as const } }),
  });
}
