/**
 * The end-session endpoint: a client asks that the person be logged out here.
 *
 * OpenID Connect RP-Initiated Logout §2, §2.1, §3. Guarantees that a hint we did not sign is as good as none, and that what
 * is wrong is told the person on a page: nothing is sent to an address that is not registered.
 */
import { invalidRequest } from "@valetkey/protocol/errors";
import { type Form, readForm, readQuery } from "@valetkey/protocol/form";
import { checkState } from "../authorize/read-request.ts";
import { appendQuery } from "../authorize/respond.ts";
import { findBound, unbindCookie } from "../bound-cookie.ts";
import { findClient } from "../clients.ts";
import { remove } from "../entries.ts";
import { verifyHint } from "../id-token-hint.ts";
import { type AskedLogout, logoutOrAsk, storeLogout } from "../logouts.ts";
import type { Op, Peer } from "../op.ts";

/** Answers GET and POST; what is wrong is thrown as `invalid_request`, for the error page. */
export async function endSessionEndpoint(op: Op, http: Request, peer: Peer): Promise<Response> {
  if (http.method === "POST") {
    // A POST from the client's site comes without our cookies (SameSite=Lax); the GET that follows it brings them.
    return storeLogout(op, http, peer, await readLogout(op, await readForm(http)), undefined, op.urls.end_session);
  }
  const form = readQuery(new URL(http.url));
  if (form.logout === undefined) return logoutOrAsk(op, http, peer, await readLogout(op, form));

  const entry = await findBound(op, http, "logout", form.logout);
  if (entry === undefined || !(await op.store.commit([remove(entry)]))) {
    throw invalidRequest("this logout was already answered, has expired, or was begun in another browser");
  }
  const { digest: _, session: __, frames: ___, ...asked } = entry.data;
  return logoutOrAsk(op, http, peer, asked, [unbindCookie(op, "logout", entry.id)]);
}

async function readLogout(op: Op, form: Form): Promise<AskedLogout> {
  const { id_token_hint, post_logout_redirect_uri, state } = form;
  checkState(state);
  // §2: an expired hint counts; one that does not verify must not be used, and asking the person is what remains.
  const hint = id_token_hint === undefined ? undefined : await verifyHint(op, id_token_hint);
  const client_id = form.client_id ?? (hint?.audiences.length === 1 ? hint.audiences[0] : undefined);
  if (hint !== undefined && client_id !== undefined && !hint.audiences.includes(client_id)) {
    throw invalidRequest("client_id is not the client the id_token_hint was issued to");
  }
  const client = client_id === undefined ? undefined : await findClient(op, client_id);
  const asked = {
    ...(client === undefined ? {} : { client_id: client.client_id }),
    ...(hint === undefined
      ? {}
      : { hint: { subject: hint.subject, ...(hint.sid === undefined ? {} : { sid: hint.sid }) } }),
  };
  if (post_logout_redirect_uri === undefined) return asked;
  // A hint that was sent and does not verify speaks against the whole request: nobody is sent anywhere.
  if (id_token_hint !== undefined && hint === undefined) return asked;
  const registered = client === undefined || client.disabled ? [] : (client.metadata.post_logout_redirect_uris ?? []);
  // §2: exactly as registered, which takes knowing for whom.
  if (client_id === undefined) throw invalidRequest("post_logout_redirect_uri needs an id_token_hint or a client_id");
  if (!registered.includes(post_logout_redirect_uri)) {
    throw invalidRequest("post_logout_redirect_uri is not one of those registered for this application");
  }
  return { ...asked, returnTo: appendQuery(post_logout_redirect_uri, { state }) };
}
