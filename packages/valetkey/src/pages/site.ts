/**
 * Site: what every page is given as its first parameter, and nothing imports.
 *
 * Guarantees that links are built from the issuer: a path under it, whatever Host a request claims.
 */
import { isOAuthError } from "@valetkey/protocol/errors";
import type { Form } from "@valetkey/protocol/form";
import { readForm } from "@valetkey/protocol/form";
import type { Log, Peer, Session } from "@valetkey/provider/op";
import type { Answer, Interaction, Provider } from "@valetkey/provider/options";
import type { Directory, SignIn } from "../accounts/directory.ts";
import type { Csrf } from "../csrf.ts";
import { withPageHeaders } from "../page-headers.ts";
import type { SignInAttempts } from "../throttle.ts";
import type { Assets } from "./assets.ts";
import { PageProblem } from "./page-problem.ts";

/** What it takes to show a page. */
export interface Look {
  readonly issuer: string;
  /** Path of the issuer without a slash at its end: "" or "/oauth". */
  readonly base: string;
  /** Name in titles and headings. */
  readonly name: string;
  readonly helpUrl: string | undefined;
  readonly assets: Assets;
  readonly https: boolean;
  /** The issuer is on this computer: errors explain themselves to the developer. */
  readonly loopback: boolean;
  readonly now: () => number;
}

export interface Site extends Look {
  readonly provider: Provider;
  readonly accounts: SignIn;
  /** The built-in directory, if that is where the people are. */
  readonly directory: Directory | undefined;
  /** The embedding application's login page, if it signs people in. */
  readonly loginUrl: string | undefined;
  /** The authentication context a password stands for. */
  readonly acr: string | undefined;
  readonly csrf: Csrf;
  readonly attempts: SignInAttempts;
  readonly log: Log;
}

/** What Hono hands to a page beside the request. */
export interface Env {
  Bindings: {
    readonly peer: Peer;
    /** Called when the request is for none of our pages. */
    readonly absent: () => void;
  };
}

/** Path of one of our pages, with parameters: absent ones are left out. */
export function pathOf(look: Look, path: string, query: Readonly<Record<string, string | undefined>> = {}): string {
  const given = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);
  const search = new URLSearchParams(given).toString();
  return `${look.base}${path}${search === "" ? "" : `?${search}`}`;
}

/** Path of the page for a step of an interaction. It names the app where that is known here: whoever comes too late is led back to it. */
export function stepPath(look: Look, path: string, { id, client }: Pick<Interaction, "id" | "client">): string {
  return pathOf(look, path, { interaction: id, app: isOfHere(client) ? client.client_id : undefined });
}

/** Tells whether an app was registered by whoever runs this server, and not by a stranger. */
export const isOfHere = ({ provenance }: Pick<Interaction["client"], "provenance">): boolean =>
  provenance === "admin" || provenance === "config";

/** A person as pages show one. */
export interface Shown {
  readonly subject: string;
  readonly name: string;
  readonly email: string | undefined;
}

/** Finds what to show of a person; nothing for somebody unknown or disabled. */
export async function showPerson(site: Site, subject: string): Promise<Shown | undefined> {
  const account = await site.accounts.find(subject);
  if (account === undefined) return undefined;
  const text = (claim: string): string | undefined => {
    const value = account.claims[claim];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const email = text("email");
  return { subject, name: text("name") ?? text("preferred_username") ?? email ?? subject, email };
}

/** Finds who is signed in in this browser; nothing if that person is unknown or disabled by now. */
export async function signedIn(
  site: Site,
  request: Request,
): Promise<{ readonly session: Session; readonly person: Shown } | undefined> {
  const session = await site.provider.sessions.current(request);
  const person = session && (await showPerson(site, session.subject));
  return session && person && { session, person };
}

/** Reads a form that one of our own pages must have sent: bounded, none of its fields twice but the repeatable ones. */
export async function readOwnForm(site: Site, request: Request, repeatable: readonly string[] = []): Promise<Form> {
  const form = await readForm(request, { limit: 16_384, repeatable });
  const refused = site.csrf.refuses(request, form);
  if (refused === "cross-site") throw new PageProblem("cross_site");
  if (refused !== undefined) throw new PageProblem(refused === "no-cookie" ? "no_cookie" : "form_expired");
  return form;
}

/** Hands in what the person did; says that the interaction is over if it is, as after a second click. */
export async function answerStep(site: Site, request: Request, id: string, answer: Answer): Promise<Response> {
  try {
    return withPageHeaders(await site.provider.interactions.answer(request, id, answer), site.https, "away");
  } catch (thrown) {
    if (!isOAuthError(thrown, "invalid_request")) throw thrown;
    await interactionOf(site, request, id);
    throw thrown;
  }
}

/** Finds the interaction named in the query, or says that it is over. */
export async function interactionOf(site: Site, request: Request, id: string): Promise<Interaction> {
  const interaction = await site.provider.interactions.find(request, id);
  if (interaction === undefined) throw new PageProblem("interaction_over");
  return interaction;
}
