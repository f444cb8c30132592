/**
 * How a person's decision gets back to a client of OAuth 1.0a: by redirect with the verifier, or as a code on a page of ours.
 *
 * RFC 5849 §2.2 (the answer, `oob`), §4.7; OAuth Problem Reporting (`user_refused`). Guarantees that the answer goes to the callback
 * that was registered and named beforehand, and that a verifier is in it only after a person allowed what was asked.
 */
import { invalidRequest } from "@valetkey/protocol/errors";
import { matchesRedirectUri } from "@valetkey/protocol/redirect-uri";
import { seeOther } from "@valetkey/protocol/see-other";
import type { ApprovalWay } from "../authorize/approval.ts";
import { appendQuery } from "../authorize/respond.ts";
import { find } from "../entries.ts";
import type { ResponseMode } from "../response-modes/response-mode.ts";
import { unseal } from "./sealed.ts";
import { makeVerifier } from "./verifier.ts";

export const oauth1Approval: ApprovalWay = {
  kind: "oauth1",
  page: (op) => op.pages.oauth1,
  target(op, client, { id, data }) {
    const { redirect_uri } = data.request;
    if (redirect_uri === "") return { redirect_uri: op.pages.oauth1, mode: onPage(id) };
    // It may have been withdrawn while the person was reading.
    if (!matchesRedirectUri(client.metadata.redirect_uris ?? [], redirect_uri))
      throw invalidRequest("oauth_callback is not one of those registered for this application");
    return { redirect_uri, mode: byRedirect(id) };
  },
};

const byRedirect = (id: string): ResponseMode => ({
  response_mode: "oauth1",
  async send(op, { redirect_uri }, { error }) {
    const temporary = await find(op.store, "oauth1", id);
    if (temporary === undefined) throw tooLate();
    const [oauth_token] = (await unseal(op, temporary.data.sealed)).split(" ");
    const { decision } = temporary.data;
    if (error !== undefined || decision === undefined || decision === "denied") {
      const oauth_problem = error === undefined || error === "access_denied" ? "user_refused" : "permission_unknown";
      return seeOther(appendQuery(redirect_uri, { oauth_token, oauth_problem }));
    }
    const oauth_verifier = await makeVerifier(op, { id, grant: decision.grant, oob: false });
    return seeOther(appendQuery(redirect_uri, { oauth_token, oauth_verifier }));
  },
});

const onPage = (id: string): ResponseMode => ({
  response_mode: "oauth1",
  async send(op, { client, redirect_uri }, { error }) {
    const { client_id } = client;
    const decision = (await find(op.store, "oauth1", id))?.data.decision;
    if (error !== undefined || decision === undefined || decision === "denied")
      return seeOther(appendQuery(redirect_uri, { done: error === "access_denied" ? "denied" : "failed", client_id }));
    const oauth_verifier = await makeVerifier(op, { id, grant: decision.grant, oob: true });
    return seeOther(appendQuery(redirect_uri, { done: "approved", client_id, oauth_verifier }));
  },
});

const tooLate = () => invalidRequest("the request of the application has expired; go back to it and start again");
