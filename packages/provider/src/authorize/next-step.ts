/**
 * What must happen next before an authorization request can be answered: the brain of the authorization endpoint.
 *
 * OpenID Connect Core §3.1.2.1 (prompt, max_age, id_token_hint), §3.1.2.3, §3.1.2.4, §3.1.2.6.
 * It is pure: everything it decides by is in its argument, and the page that asked is not. So the order in which a person
 * visits pages, goes back, or answers twice can never skip a step. `answer` comes out only for the person who is signed in
 * now, who signed in recently enough, and whose consent covers what is asked.
 */
import type { AuthorizationRequest, InteractionDone } from "../entries.ts";
import type { Session } from "../op.ts";

/** What the next step depends on. */
export interface Situation {
  readonly request: Pick<AuthorizationRequest, "prompt" | "max_age" | "hint_subject">;
  /** Who is signed in now. */
  readonly session: Session | undefined;
  /** How many accounts are signed in in this browser, the current one included. */
  readonly accounts: number;
  /**
   * Whether the session's authentication context is one the client asked for: `wanted` and `required` mean it is not, and a better
   * one can be had here.
   */
  readonly acr: "met" | "wanted" | "required";
  /** What is asked was allowed on an earlier occasion, or needs no asking. */
  readonly consented: boolean;
  readonly done: InteractionDone;
  /** Milliseconds. */
  readonly now: number;
}

export type NextStep =
  /** `again`: somebody is signed in already, and must prove to be there. */
  | { readonly step: "login"; readonly again: boolean }
  | { readonly step: "select_account" }
  /** Somebody wants to make an account first. */
  | { readonly step: "create" }
  | { readonly step: "consent" }
  | { readonly step: "answer"; readonly session: Session }
  | {
      readonly step: "refuse";
      readonly error:
        | "unmet_authentication_requirements"
        | "access_denied"
        | "login_required"
        | "consent_required"
        | "account_selection_required";
    };

/** Decides the next step. */
export function nextStep({ request, session, accounts, consented, acr, done, now }: Situation): NextStep {
  // A refusal is final: no page that is still open may turn it around.
  if (done.denied) return refuse("access_denied");
  // §3.1.2.1: with prompt=none nothing may be shown.
  const silent = request.prompt.includes("none");
  const login = (again: boolean): NextStep => (silent ? refuse("login_required") : { step: "login", again });
  const select = (): NextStep => (silent ? refuse("account_selection_required") : { step: "select_account" });

  // Initiating User Registration §4: whoever has signed in meanwhile, with a new account or an old one, goes on.
  if (!silent && request.prompt.includes("create") && done.login === undefined && done.selected === undefined)
    return { step: "create" };
  if (session === undefined) return accounts > 0 && done.selected === undefined ? select() : login(false);

  // Signing in within the interaction is a selection, too.
  if (request.prompt.includes("select_account") && done.selected === undefined && done.login === undefined)
    return select();
  if (done.selected !== undefined && done.selected.subject !== session.subject) return login(false);

  const signedInHere = done.login?.subject === session.subject;
  if (request.hint_subject !== undefined && request.hint_subject !== session.subject) {
    // §3.1.2.1: somebody else than the hinted person signed in although asked; asking again would go round in circles.
    return signedInHere ? refuse("login_required") : login(true);
  }
  if (!signedInHere && (request.prompt.includes("login") || isTooOld(session, request.max_age, now)))
    return login(true);
  if (acr !== "met") {
    // RFC 9470 §5: signing in again would change nothing. A wish does not stand in the way (Core §5.5.1.1).
    if (!signedInHere && !(silent && acr === "wanted")) return login(true);
    if (signedInHere && acr === "required") return refuse("unmet_authentication_requirements");
  }

  const decided = done.consent?.subject === session.subject;
  if (!decided && (!consented || request.prompt.includes("consent"))) {
    return silent ? refuse("consent_required") : { step: "consent" };
  }
  return { step: "answer", session };
}

// §3.1.2.1: max_age=0 asks for the same as prompt=login.
function isTooOld(session: Session, maxAge: number | undefined, now: number): boolean {
  return maxAge !== undefined && (maxAge === 0 || now / 1000 - session.auth_time > maxAge);
}

function refuse(error: (NextStep & { step: "refuse" })["error"]): NextStep {
  return { step: "refuse", error };
}
