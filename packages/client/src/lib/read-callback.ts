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

/** Gives the parameters. The other method is `response_mode_mismatch`, what cannot be read `response_invalid`; for signed ones see `readJarm`. */
export async function readCallback(app: App, request: Request, remote: Remote): Promise<Form> {
  const posted = isPosted(remote.response_mode);
  checkWay(request, posted);
  const answer = posted ? await readPosted(request) : readAnswer(new URL(request.url));
  return remote.kind === "oidc" && remote.response_mode?.endsWith("jwt") ? readSigned(app, remote, answer) : answer;
}

/** The answer must come in the way it was asked for. */
function checkWay(request: Request, posted: boolean): void {
  if ((request.method === "POST") === posted) return;
  const fix = posted
    ? new URL(request.url).search === ""
      ? "The address was opened like a page: sign-ins start at the sign-in page."
      : "The provider answers with a redirect although response_mode is form_post: leave response_mode out, or allow form_post there."
    : 'The provider posts its answer: add response_mode: "form_post" to the provider here, or have it answer with a redirect.';
  const expected = posted ? "POST" : "GET";
  throw new ClientError("response_mode_mismatch", `the answer came by ${request.method}, expected ${expected}`, {
    fix,
  });
}

async function readPosted(request: Request): Promise<Form> {
  try {
    return await readForm(request);
  } catch (cause) {
    if (!isOAuthError(cause)) throw cause;
    throw new ClientError("response_invalid", cause.description, {
      cause,
      fix: "The provider must post its answer as a form (OAuth 2.0 Form Post Response Mode §2), each parameter once: look for a proxy or a body parser that changes it.",
    });
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
