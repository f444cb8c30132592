/**
 * The error page: plain words, what the person can do, and what to tell whoever helps.
 *
 * RFC 6749 §4.1.2.1 (errors that must not be sent to a client), RFC 9700 §4.11. Guarantees that it redirects nowhere and shows
 * neither stack nor cause; on a loopback issuer it also tells the developer what was got and expected, and the fix.
 */
import { randomToken } from "@valetkey/protocol/random";
import { showPage } from "./layout.tsx";
import type { Look } from "./site.ts";

/** For the developer, on loopback issuers only. */
export interface Explanation {
  readonly got: string;
  readonly expected: string;
  readonly fix: string;
}

/** What an error page says. */
export interface Trouble {
  readonly code: string;
  readonly status: number;
  readonly title: string;
  readonly happened: string;
  readonly advice: string;
  /** What the request got wrong, in the words of the specification. */
  readonly description?: string;
  /** A page to go on from: of ours, or of an app that an administrator registered. */
  readonly onward?: { readonly href: string; readonly words: string };
  readonly explanation?: Explanation | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly requestId: string;
}

/** Makes the number under which an error page is found in the log. */
export function newRequestId(): string {
  return randomToken(9);
}

/** Answers with the error page. */
export function showTrouble(look: Look, trouble: Trouble): Promise<Response> {
  const { code, status, title, happened, advice, description, onward, explanation, headers = {}, requestId } = trouble;
  return showPage(
    look,
    { title, status, headers },
    <div class="card">
      <h1 id="title">{title}</h1>
      <p>{happened}</p>
      {description !== undefined && (
        <p class="quote">
          <bdi>{description}</bdi>
        </p>
      )}
      <p>{advice}</p>
      {onward !== undefined && (
        <p>
          <a class="button" href={onward.href}>
            {onward.words}
          </a>
        </p>
      )}
      {explanation !== undefined && <ForDevelopers {...explanation} />}
      <h2>If you ask for help</h2>
      <dl class="facts">
        <dt>Code</dt>
        <dd>
          <code id="error-code">{code}</code>
        </dd>
        <dt>Time</dt>
        <dd>
          <time>{new Date(look.now()).toISOString()}</time>
        </dd>
        <dt>Request</dt>
        <dd>
          <code id="request-id">{requestId}</code>
        </dd>
      </dl>
    </div>,
  );
}

function ForDevelopers({ got, expected, fix }: Explanation) {
  return (
    <section class="developers" aria-labelledby="developers">
      <h2 id="developers">For the developer</h2>
      <dl class="facts">
        <dt>Got</dt>
        <dd>
          <code>{got}</code>
        </dd>
        <dt>Expected</dt>
        <dd>
          <code>{expected}</code>
        </dd>
        <dt>Fix</dt>
        <dd>{fix.split("`").map((text, at) => (at % 2 === 1 ? <code>{text}</code> : text))}</dd>
      </dl>
      <p class="hint">Shown because this server runs on your own computer.</p>
    </section>
  );
}

/** Answers for an address at which there is nothing. */
export async function showNotFound(look: Look, request: Request): Promise<Response> {
  if (!request.headers.get("accept")?.includes("text/html")) {
    const headers = { "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" };
    const error_description = "there is nothing at this address";
    return Response.json({ error: "not_found", error_description }, { status: 404, headers });
  }
  return showTrouble(look, {
    code: "not_found",
    status: 404,
    title: "Not found",
    happened: "There is nothing at this address.",
    advice: "Check the address, or go to the front page.",
    onward: { href: `${look.base}/`, words: "Front page" },
    requestId: newRequestId(),
  });
}

/** The words for an error the protocol foresees but must not send to a client. */
export function wordsFor(error: string, status: number): Pick<Trouble, "title" | "happened" | "advice"> {
  if (status === 503 || error === "temporarily_unavailable") {
    return {
      title: "Please try again in a moment",
      happened: "The server cannot answer right now. Nothing was lost.",
      advice: "Wait a little, then reload this page.",
    };
  }
  if (status >= 500) {
    return {
      title: "Something went wrong here",
      happened: "This is our mistake, not yours. It was written to the log.",
      advice: "Try again. If it happens again, tell the people who run this server.",
    };
  }
  return {
    title: "This request cannot be completed",
    happened: "An app sent you here with a request that this server cannot accept. Nothing was shared with it.",
    advice: "Go back to the app and try again. If it happens again, tell the people who run the app.",
  };
}
