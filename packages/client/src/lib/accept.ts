/**
 * Asks the application whether it takes somebody in, and who that is to it.
 *
 * OpenID Connect Core §5.7, OWASP ASVS 6.8.1.
 * Guarantees that nobody is taken in over an error of the application, and that an account which belongs to one person there is
 * not added to another.
 */
import { ClientError } from "../client-error.ts";
import type { App } from "./app.ts";
import type { Arrived } from "./arrival.ts";
import { type FoundSession, userOfAccount } from "./session.ts";
import { verifiedEmail } from "./verified-email.ts";

/** Where the person comes from, and as whom they were signed in before. */
export interface Coming {
  readonly provider: string;
  readonly former: FoundSession | undefined;
  readonly intent: "sign-in" | "link";
}

const longest = 255;

/** Gives the name of the person in the application, if it says one. Its refusal is `sign_in_refused`, or the `ClientError` it threw. */
export async function accept(app: App, arrived: Arrived, coming: Coming): Promise<string | undefined> {
  const person = await askApplication(app, arrived, coming);
  const { intent, former } = coming;
  if (intent === "link" && person !== undefined && former?.knownAs !== undefined && person !== former.knownAs) {
    throw new ClientError("account_taken", "onSignIn says that the account belongs to another person");
  }
  return person;
}

async function askApplication(app: App, { iss: issuer, user, tokens }: Arrived, coming: Coming) {
  const { provider, former, intent } = coming;
  try {
    const email = verifiedEmail(app.linking, user, { provider, issuer });
    const previous = former && {
      user: userOfAccount(former),
      provider: former.provider,
      issuer: former.iss,
      ...(former.knownAs === undefined ? {} : { person: former.knownAs }),
    };
    const answer = await app.onSignIn?.(user, tokens, {
      provider,
      issuer,
      intent,
      ...(previous === undefined ? {} : { previous }),
      ...(email === undefined ? {} : { verifiedEmail: email }),
    });
    return readPerson(answer);
  } catch (cause) {
    if (cause instanceof ClientError) throw cause;
    const name = cause instanceof Error ? cause.name : typeof cause;
    throw new ClientError("sign_in_refused", `onSignIn threw ${name}; err has it as its cause`, {
      cause,
      fix: "Mend or answer it in onSignIn: what is thrown there refuses the sign-in.",
    });
  }
}

/** An id that is missing, or reads like one that is, would make one person of everybody. */
function readPerson(answer: unknown): string | undefined {
  if (typeof answer !== "object" || answer === null || !("person" in answer)) return undefined;
  const { person } = answer;
  if (person === undefined) return undefined;
  const usable = typeof person === "string" && person.trim() !== "" && person.length <= longest;
  if (usable && !["undefined", "null", "NaN", "[object Object]"].includes(person)) return person;
  throw new TypeError(`onSignIn must answer { person } with a text of 1 to ${longest} characters`);
}
