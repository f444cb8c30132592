/**
 * From whatever a page threw to an error page.
 *
 * RFC 9110 §15.6. Guarantees that an outage is 503 with Retry-After, that a bug is logged with its cause and shown without, and
 * that the number on the page is the one in the log.
 */
import { isOAuthError } from "@valetkey/protocol/errors";
import { isLoopbackHost } from "@valetkey/protocol/loopback";
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import { StoreUnavailable } from "@valetkey/store";
import { newRequestId, showTrouble, wordsFor } from "./error.tsx";
import { wrongHost } from "./explain-request.ts";
import { PageProblem } from "./page-problem.ts";
import { isOfHere, pathOf, type Site } from "./site.ts";

/** Answers with the page for something that was thrown. */
export async function showThrown(site: Site, request: Request, thrown: unknown): Promise<Response> {
  const requestId = newRequestId();
  const { pathname, search } = new URL(request.url);
  if (thrown instanceof PageProblem) {
    const { code, words } = thrown;
    site.log.info({ event: "page.refused", request_id: requestId, path: pathname, reason: code }, words.title);
    return showTrouble(site, {
      code,
      ...words,
      requestId,
      ...(code === "interaction_over" ? await backToApp(site, request) : onwardFrom(site, code, pathname + search)),
      explanation: explainHost(site, request, code),
    });
  }
  if (isOAuthError(thrown) && thrown.status < 500) {
    const { error, description, status, headers = {} } = thrown;
    site.log.info({ event: "page.refused", request_id: requestId, path: pathname, error }, description);
    return showTrouble(site, { code: error, status, headers, description, requestId, ...wordsForForm(error, status) });
  }
  const unavailable = thrown instanceof StoreUnavailable || isOAuthError(thrown, "temporarily_unavailable");
  const [code, status] = unavailable ? ["temporarily_unavailable", 503] : ["server_error", 500];
  const retryAfter = thrown instanceof StoreUnavailable ? Math.max(1, Math.ceil(thrown.retryAfter)) : 1;
  site.log.error({ event: "page.failed", request_id: requestId, path: pathname, cause: thrown }, "a page failed");
  return showTrouble(site, {
    code: String(code),
    status: Number(status),
    requestId,
    headers: unavailable ? { "Retry-After": String(retryAfter) } : {},
    ...wordsFor(String(code), Number(status)),
  });
}

/** A form of ours was refused: what the person sent is wrong, not what an app did. */
function wordsForForm(error: string, status: number): ReturnType<typeof wordsFor> {
  if (status === 503) return wordsFor(error, status);
  return {
    title: "This did not work",
    happened: "What was sent could not be accepted, so nothing was done.",
    advice: "Go back, reload the page and try again. If you came from an app, start again there.",
  };
}

function onwardFrom(site: Site, code: PageProblem["code"], here: string) {
  if (code === "form_expired" || code === "no_cookie" || code === "cross_site") {
    // The path of this request only, so the link stays here. Action paths have no page of their own.
    const page = here.replace(/\/(sign-out|profile)$/, "");
    return { onward: { href: page, words: "Open the page again" } };
  }
  const interaction = /\/interaction\/([^/?]+)\/return/.exec(here)?.[1];
  if (code === "sign_in_again" && interaction !== undefined) {
    return { onward: { href: pathOf(site, "/interaction", { interaction }), words: "Sign in again" } };
  }
  if (code === "setup_link" || code === "reset_link") {
    return { onward: { href: pathOf(site, "/login"), words: "Sign in" } };
  }
  return {};
}

/**
 * The way back to the app that the form was for (`app` in the query), where somebody here has registered it: whoever wrote the
 * link then can lead people to no other place than one of the apps they use. Nothing if the app is not there, or has no page.
 */
async function backToApp(site: Site, request: Request) {
  const id = new URL(request.url).searchParams.get("app");
  const client = id === null ? undefined : await site.provider.clients.find(id).catch(() => undefined);
  if (client === undefined || client.disabled || !isOfHere(client)) return {};
  const { client_name = client.client_id } = client.metadata;
  const href = pageOf(site, client.metadata);
  return href === undefined ? {} : { onward: { href, words: `Go back to ${client_name}` } };
}

/** OpenID Connect Core §4: where a sign-in is started from elsewhere; else the app's own page, or the place it gets its answers at. */
function pageOf(site: Site, metadata: ClientMetadata): string | undefined {
  const { initiate_login_uri, client_uri, redirect_uris = [], application_type } = metadata;
  const isPage = (text: unknown): text is string => typeof text === "string" && isWebPage(site, text);
  if (isPage(initiate_login_uri)) {
    const url = new URL(initiate_login_uri);
    url.searchParams.set("iss", site.issuer);
    return url.href;
  }
  if (isPage(client_uri)) return client_uri;
  // RFC 8252 §7: what a native app gets its answers at is no page.
  const answers = application_type === "native" ? undefined : redirect_uris.find(isPage);
  return answers === undefined ? undefined : `${new URL(answers).origin}/`;
}

/** An app on this computer has a page only for a server that is there too: while somebody develops. */
function isWebPage({ loopback }: Site, text: string): boolean {
  const { protocol = "", hostname = "" } = URL.canParse(text) ? new URL(text) : {};
  return protocol === "https:" || (loopback && protocol === "http:" && isLoopbackHost(hostname));
}

function explainHost(site: Site, request: Request, code: PageProblem["code"]) {
  if (site.loopback && code === "sign_in_again") {
    return {
      got: "a person who came back from loginUrl, and no auth_time after the request",
      expected: "session() to return { subject, auth_time }, with the time of a sign-in that happened since",
      fix: "Where loginUrl is opened with prompt=login, ask for the password whoever is signed in, and keep the time.",
    };
  }
  const home = new URL(site.issuer);
  const host = request.headers.get("host") ?? home.host;
  const lost = code === "interaction_over" || code === "no_cookie" || code === "logout_over";
  return site.loopback && lost && host !== home.host ? wrongHost(host, home) : undefined;
}
