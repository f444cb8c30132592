/**
 * Whether a 401 from an API of OAuth 1.0a means that the person has taken the permission back.
 *
 * RFC 5849 §3.2 (401 for whatever is wrong with credentials, timestamp, nonce or signature), the OAuth Problem Reporting extension.
 * A 401 alone says little: with a wrong clock, a consumer that was blocked or a resource that is closed to everybody it comes too.
 * Guarantees that a token counts as ended only if a second question, the one that said at sign-in who the person is, is refused in
 * the same way, or, with a provider that is asked no such question, if the provider says in words that it is the token.
 */
import type { App } from "./app.ts";
import type { OAuth1Remote } from "./oauth1-remote.ts";
import { signRequest } from "./oauth1-send.ts";
import { profileApi } from "./profile-api.ts";
import type { HeldToken } from "./vault.ts";

/** Milliseconds by which the provider's clock may differ: beyond, timestamps are refused and every token looks ended. */
const clocksDiffer = 300_000;
const mostRead = 4_096;
const aboutToken: readonly string[] = ["token_rejected", "token_revoked", "token_expired"];

/** What a refusal says: nothing about the token, perhaps something, or that it is the token. */
type Verdict = "other" | "unsaid" | "token";

/** Asks once more, if `refusal` may be about the token; says why it has ended, or nothing. Never rejects. */
export async function endedBecause(
  app: App,
  remote: OAuth1Remote,
  { access_token, token_secret }: HeldToken,
  refusal: Response,
): Promise<string | undefined> {
  const first = await verdictOn(app, refusal);
  if (first === "other") return undefined;
  const told: Verdict[] = [];
  const fetch: App["fetch"] = async (url, init) => {
    const answer = await app.fetch(url, init);
    told.push(await verdictOn(app, answer));
    return answer;
  };
  const signing = { client: remote.client, token: access_token, token_secret, now: app.now };
  const api = profileApi({ ...app, fetch }, remote, {
    access_token,
    prove: (url, init) => signRequest(url, init, signing),
    // What came with the sign-in is not kept. A function that needs it asks for something else, and is not refused with 401.
    tokens: {},
    callback: {},
  });
  try {
    await remote.profile(api);
  } catch {
    // What was answered is in `told`.
  }
  const asked = told.length > 0;
  const ended = asked ? told.every((one) => one !== "other") : first === "token";
  if (!ended) return undefined;
  return asked
    ? "the API refused the token twice, also where it told at sign-in who the person is"
    : "the API says that it no longer accepts the token";
}

async function verdictOn(app: App, answer: Response): Promise<Verdict> {
  if (answer.status !== 401) return "other";
  const date = Date.parse(answer.headers.get("date") ?? "");
  if (Math.abs(date - app.now()) > clocksDiffer) return "other";
  const said = `${answer.headers.get("www-authenticate") ?? ""} ${await beginningOf(answer.clone())}`;
  const problem = /\boauth_problem="?([\w-]{1,64})/.exec(said)?.[1];
  if (problem === undefined) return "unsaid";
  return aboutToken.includes(problem) ? "token" : "other";
}

async function beginningOf(answer: Response): Promise<string> {
  const reader = answer.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  try {
    while (reader !== undefined && text.length < mostRead) {
      const { done, value } = await reader.read();
      if (done) break;
      text += decoder.decode(value, { stream: true });
    }
    // Not awaited: it ends only when whoever has the answer itself is done with it too.
    reader?.cancel().catch(() => undefined);
  } catch {
    // Whoever reads the answer itself will see what is wrong with it.
  }
  return text.slice(0, mostRead);
}
