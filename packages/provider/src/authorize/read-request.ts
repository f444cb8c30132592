/**
 * Reads the parameters of an authorization request, from the query of a GET or the form of a POST.
 *
 * RFC 6749 §3.1, OpenID Connect Core §3.1.2.1, RFC 8707 §2. Guarantees that each parameter has one value (only `resource` may
 * repeat), and that a `state` which passed is echoed byte for byte.
 */
import { invalidRequest } from "@valetkey/protocol/errors";
import { type Form, readForm, readQuery } from "@valetkey/protocol/form";

/** Bytes of `state` that are echoed. */
const maxState = 2048;

/**
 * Reads the parameters. Refuses as `invalid_request`: what is repeated or not form-encoded UTF-8, another media type (415), more
 * than 64 KiB (413), a `state` of more than 2048 bytes. None of this is sent to a client: no target is trusted yet.
 */
export async function readRequest(request: Request): Promise<Form> {
  const options = { repeatable: ["resource"] };
  const form = request.method === "POST" ? await readForm(request, options) : readQuery(new URL(request.url), options);
  checkState(form.state);
  return form;
}

/** Checks that a state can be echoed: cutting it would break the client, keeping any length would break us. */
export function checkState(state: string | undefined): void {
  if (state === undefined) return;
  if (new TextEncoder().encode(state).length > maxState) throw invalidRequest(`state is longer than ${maxState} bytes`);
}
