/**
 * Checks how a person came back from an OAuth 1.0a provider, before anything is asked in their name.
 *
 * RFC 5849 §2.2 (the answer), §4.9 and §2.3 (the verifier binds it to the person who allowed it).
 * Guarantees that a verifier leaves this function only if the answer is about the credentials this browser left with (O1-12).
 */
import { constantTimeEqual } from "@valetkey/protocol/digest";
import type { Form } from "@valetkey/protocol/form";
import { readAnswer } from "./callback.ts";
import { ClientError } from "./client-error.ts";
import { shown } from "./lib/refusal.ts";

/** What providers say when the person said no. RFC 5849 §2.2 leaves it open. */
const refusals: readonly string[] = ["user_refused", "permission_denied", "access_denied"];

/** Tells which temporary credentials an answer is about: `oauth_token`, or `denied` with those that say it that way. */
export const answeredToken = ({ oauth_token, denied }: Form): string | undefined => oauth_token ?? denied;

/**
 * Checks an answer and gives its verifier. In this order: the token (`state_missing`, `state_mismatch`), a refusal
 * (`access_denied`, `authorization_refused`), the verifier (`response_invalid`).
 *
 * @example const { oauth_verifier } = checkOAuth1Callback(new URL(request.url), { oauth_token });
 */
export function checkOAuth1Callback(
  answer: URL | Form,
  expected: { readonly oauth_token: string },
): { readonly oauth_verifier: string } {
  const form = answer instanceof URL ? readAnswer(answer) : answer;
  const token = answeredToken(form);
  if (token === undefined) throw withoutToken(form);
  if (!constantTimeEqual(token, expected.oauth_token)) {
    throw new ClientError("state_mismatch", "the oauth_token is not the one that was sent");
  }
  const { oauth_verifier } = form;
  if (form.denied !== undefined || form.oauth_problem !== undefined) throw refused(form.oauth_problem);
  // Without it the provider speaks OAuth 1.0, or somebody cut it out.
  if (oauth_verifier === undefined || oauth_verifier.length > 4096) {
    throw new ClientError("response_invalid", "the answer has no usable oauth_verifier");
  }
  return { oauth_verifier };
}

/** Words an answer that does not say which authorization it is about: some refuse so. */
export function withoutToken({ oauth_problem }: Form): ClientError {
  if (oauth_problem !== undefined) return refused(oauth_problem);
  return new ClientError("state_missing", "the answer has no oauth_token");
}

function refused(problem: string | undefined): ClientError {
  if (problem === undefined || refusals.includes(problem)) {
    return new ClientError("access_denied", "the person did not allow it", { error: problem });
  }
  return new ClientError("authorization_refused", `the answer is the problem ${shown(problem)}`, {
    error: shown(problem),
  });
}
