/**
 * Checks the answer that comes back through the browser, before anything in it is used.
 *
 * RFC 6749 §4.1.2, RFC 9207 §2.4 (`iss`), RFC 9700 §4.4 (mix-up) and §4.7 (CSRF).
 * Guarantees that a code leaves this function only if state and issuer are those of the request.
 */
import { constantTimeEqual } from "@valetkey/protocol/digest";
import { isOAuthError } from "@valetkey/protocol/errors";
import { type Form, parseForm, readQuery } from "@valetkey/protocol/form";
import type { ServerMetadata } from "@valetkey/protocol/metadata";
import { ClientError } from "./client-error.ts";
import { issuerFix } from "./lib/issuer-difference.ts";
import { refusal, shown } from "./lib/refusal.ts";

/** What the answer must fit. */
export interface ExpectedAnswer {
  readonly metadata: Pick<ServerMetadata, "issuer" | "authorization_response_iss_parameter_supported">;
  /** The state that was sent. */
  readonly state: string;
  /** What was asked for: makes the explanation of a refusal specific. */
  readonly asked?: { readonly client_id: string; readonly redirect_uri: string; readonly scope: string };
  /** `if_sent`: nothing announces `iss`, so it is compared whenever it is there. Default: it must be announced. */
  readonly iss?: "announced" | "if_sent";
}

/** Reads the parameters of an answer; repeated or undecodable ones are `response_invalid`. */
export function readAnswer(source: URL | string): Form {
  try {
    return source instanceof URL ? readQuery(source) : parseForm(source);
  } catch (cause) {
    if (!isOAuthError(cause)) throw cause;
    throw new ClientError("response_invalid", cause.description, { cause });
  }
}

/**
 * Checks an authorization response and gives its code. In this order: `state` (`state_missing`, `state_mismatch`), `iss`
 * (`issuer_missing`, `issuer_mismatch`, `issuer_unexpected`), then an error answer (`access_denied`, `authorization_refused`).
 *
 * @example const { code } = checkCallback(new URL(request.url), { metadata, state });
 */
export function checkCallback(answer: URL | Form, expected: ExpectedAnswer): { readonly code: string } {
  const form = answer instanceof URL ? readAnswer(answer) : answer;
  if (form.state === undefined) throw new ClientError("state_missing", "the answer has no state");
  if (!constantTimeEqual(form.state, expected.state)) {
    throw new ClientError("state_mismatch", "the state is not the one that was sent");
  }
  checkIss(form.iss, expected);
  if (form.error !== undefined) {
    const code = form.error === "access_denied" ? "access_denied" : "authorization_refused";
    throw refusal(code, "authorization endpoint", form, expected.asked);
  }
  const { code } = form;
  if (code === undefined || code.length > 4096)
    throw new ClientError("response_invalid", "the answer has no usable code", {
      fix: "The provider answered neither with a code nor with an error: leave response_type at code, and look at what comes between it and the application.",
    });
  return { code };
}

// RFC 9207 §2.4. Discarding an iss that is not announced is its recommendation: whoever relies on it says so in metadata.
function checkIss(iss: string | undefined, { metadata, iss: when = "announced" }: ExpectedAnswer): void {
  const announced = metadata.authorization_response_iss_parameter_supported === true;
  if (iss === undefined) {
    if (!announced) return;
    throw new ClientError("issuer_missing", `the answer has no iss, expected ${metadata.issuer}`, {
      fix: "Something between the provider and the application drops iss; or the provider announces authorization_response_iss_parameter_supported and does not mean it: then set it to false in metadata.",
    });
  }
  if (iss !== metadata.issuer) {
    throw new ClientError("issuer_mismatch", `the answer has the iss ${shown(iss)}, expected ${metadata.issuer}`, {
      fix: `${issuerFix(iss, metadata.issuer)} If it is a service you do not know, somebody is trying to mix up two providers (RFC 9700 §4.4).`,
    });
  }
  if (!announced && when === "announced")
    throw new ClientError("issuer_unexpected", `${metadata.issuer} sent iss without announcing it`);
}
