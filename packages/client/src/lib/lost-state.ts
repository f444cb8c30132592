/**
 * Why the sign-in an answer belongs to is not known: told from what the browser brought along and when the state was made.
 *
 * RFC 6749 §10.12, RFC 6265bis §4.1.2 and §5.6 (which cookies a browser keeps and sends).
 * Guarantees that only places and times are named, and that a broken store does not hide the failure that is explained.
 */
import { readCookies } from "@valetkey/protocol/cookie";
import type { Form } from "@valetkey/protocol/form";
import { ClientError, isClientError } from "../client-error.ts";
import type { App } from "./app.ts";
import { createdAt } from "./id-time.ts";
import { adviceOn } from "./known-refusals.ts";
import { hostDifference } from "./other-host.ts";
import { shown } from "./refusal.ts";
import {
  findTransaction,
  maxOpen,
  type Transaction,
  transactionCookie,
  transactionId,
  transactionLifetime,
} from "./transaction.ts";

/** The answer, and where it arrived. */
interface Arrived {
  readonly state: string;
  readonly provider: string;
  readonly origin: string;
}

/** Finds the transaction as `findTransaction` does; one that is not there is explained. */
export async function findOrExplain(
  app: App,
  request: Request,
  answer: Form,
  from: { readonly provider: string; readonly origin: string },
): Promise<Transaction> {
  const at = { ...from, state: stateOf(answer, request.method === "POST") };
  return findTransaction(app, request, at).catch((e: unknown) => explainLost(app, request, e, at));
}

/** Reads the state of an answer; without one there is no telling what it belongs to (`state_missing`). */
function stateOf(answer: Form, posted: boolean): string {
  if (answer.state !== undefined) return answer.state;
  const { error, error_description } = answer;
  const names = Object.keys(answer);
  if (error !== undefined) {
    // Anybody can write such a link: what it says is for the log only.
    const reason = [error, error_description].filter((one) => one !== undefined).join(": ");
    throw new ClientError("state_missing", `the answer has no state; it is the error ${shown(reason)}`, {
      fix:
        adviceOn({ error, error_description }, {}).fix ??
        "The provider refused before it knew the request: see its log, and the registration of the client.",
    });
  }
  if (names.length > 0) {
    throw new ClientError("state_missing", `the answer has no state, only ${shown(names.join(", "))}`, {
      fix: "The provider must send the state back unchanged (RFC 6749 §4.1.2). If something else started this sign-in, give it a callback of its own.",
    });
  }
  throw new ClientError("state_missing", "the answer has no parameters at all", {
    fix: posted
      ? "The body was empty or something had read it before: mount valetkey(oauth) before body parsers, or let them leave req.body."
      : "The address was opened by hand, or the provider put its answer behind # (response_mode fragment), which never reaches a server: leave response_mode out, and response_type code.",
  });
}

/** Throws the error on, and `transaction_missing` with its cause. */
async function explainLost(app: App, request: Request, thrown: unknown, at: Arrived): Promise<never> {
  if (!isClientError(thrown, "transaction_missing")) throw thrown;
  const id = transactionId(at.state);
  if (id === undefined) {
    throw new ClientError("transaction_missing", "the state is not of this application's making", {
      fix: "Something else started this sign-in (another library or application with the same callback), or the state was changed on the way: give each its own callback, and look at proxies that rewrite queries.",
    });
  }
  const spent = await app.store.get("app-callback", id).catch(() => undefined);
  if (spent !== undefined)
    throw new ClientError("transaction_used", "the transaction was used before, and its cookie is gone");
  throw new ClientError("transaction_missing", ...explain(app, request, id, at));
}

function explain(
  app: App,
  request: Request,
  id: string,
  { origin }: Arrived,
): [string, { hint?: string; fix: string }] {
  const age = app.now() - createdAt(id);
  const minutes = Math.round(age / 60_000);
  const cookies = readCookies(request);
  const ours = transactionCookie(origin, "");
  const others = [...cookies.keys()].filter((name) => name.startsWith(ours)).length;
  if (age >= transactionLifetime) {
    return [
      `the sign-in was started ${minutes} minutes ago, expected at most ${transactionLifetime / 60_000}`,
      {
        hint: `This sign-in was started too long ago: it has to be finished within ${transactionLifetime / 60_000} minutes. Start again.`,
        fix: "An old tab or a kept link, nothing to change; if it happens at once, the servers of this application have different clocks.",
      },
    ];
  }
  if (cookies.has(transactionCookie(origin, id))) {
    return [
      "the cookie of the sign-in came back, but was sealed with another secret",
      {
        hint: "The application has changed its secret since you started. Start again; if it keeps happening, tell whoever runs the application.",
        fix: "Give every instance the same secret (VALETKEY_SECRET), also across restarts: without one each process makes its own. To change it keep the former one in the list: VALETKEY_SECRET=new,former.",
      },
    ];
  }
  if (others >= maxOpen) {
    return [
      `the cookie of the sign-in did not come back, but those of ${others} others did, and more than ${maxOpen} are not kept`,
      {
        hint: "Too many sign-ins were started in this browser at once. Start again, in one tab.",
        fix: "See what sends this browser to sign in so often: a page with several requests that each start one, or a loop.",
      },
    ];
  }
  return lost(request, origin, { cookies: cookies.size, others });
}

/** The browser did not bring the cookie: what is seen of it, and the usual causes with this origin. */
function lost(
  request: Request,
  origin: string,
  { cookies, others }: { cookies: number; others: number },
): [string, { hint: string; fix: string }] {
  const came =
    cookies === 0
      ? "no cookie at all came along"
      : others > 0
        ? `cookies of ${others} other sign-ins came along`
        : "other cookies came along";
  const host = hostDifference(request, origin);
  const secure = origin.startsWith("https:");
  const posted = request.method === "POST";
  const causes = [
    host?.fix,
    `People must reach the application as ${origin} from the first page on: a sign-in that starts under another name (localhost and 127.0.0.1, with and without www) leaves its cookie there; redirect the other names.`,
    secure
      ? "The cookie is Secure: a browser that came by http drops it; redirect http to https before the application."
      : undefined,
    posted
      ? `The answer is posted from another site, so the cookie is SameSite=None and Secure${secure ? "" : `, which not every browser keeps over http: use https, or leave response_mode: "form_post" out while developing`}.`
      : undefined,
    cookies === 0
      ? "Cookies may be blocked, or the link was opened in another browser (an app's own, a private window)."
      : undefined,
  ];
  return [
    `the cookie of the sign-in did not come back (${came}); ${host?.got ?? `the application is at ${origin}`}`,
    {
      hint: `Start again in the same browser, at ${origin}, with cookies allowed for it.`,
      fix: causes.filter((one) => one !== undefined).join(" "),
    },
  ];
}
