/**
 * A person's browser, as far as a benchmark needs one: signs in once and keeps the cookies, so that all that follows has a live session.
 *
 * Goes through whatever pages the server has: follows redirects, fills in the form that asks for a password, agrees where it is asked.
 */
import { clients, code_challenge, type IdTokenAlg, person, redirect_uri } from "./cast.ts";
import { type Answer, type Connection, get, openConnection, post } from "./http-client.ts";
import type { Target } from "./target.ts";

export const scope = "openid profile email offline_access";

/** The path of an authorization request; with consent asked for once, some servers give no refresh token without. */
export function authorizePath(target: Target, alg: IdTokenAlg, more: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams({
    client_id: (target.clients?.[alg] ?? clients[alg]).client_id,
    response_type: "code",
    redirect_uri,
    scope,
    state: "state-of-the-benchmark",
    nonce: "nonce-of-the-benchmark",
    code_challenge,
    code_challenge_method: "S256",
    ...target.authorizeMore,
    ...more,
  });
  return `${target.paths.authorize}?${query}`;
}

/** Signs in; resolves to the value of the Cookie header. Rejects with the page it got stuck on. */
export async function signIn(target: Target): Promise<string> {
  const connection = openConnection(target.port);
  const jar = new Map<string, string>();
  const keep = (answer: Answer): Answer => {
    for (const [, name = "", value = ""] of answer.head.matchAll(/\r\nset-cookie: *([^=;]+)=([^;\r]*)/gi))
      value === "" ? jar.delete(name) : jar.set(name, value);
    return answer;
  };
  const cookies = () => [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
  try {
    if (target.signIn !== undefined)
      keep(await connection.ask(post(target.signIn.path, JSON.stringify(target.signIn.json), origin(target))));
    await walk(connection, authorizePath(target, "ES256"), { cookies, keep });
    // Some remember consent by client.
    if (target.able.includes("code-RS256")) await walk(connection, authorizePath(target, "RS256"), { cookies, keep });
    return cookies();
  } finally {
    connection.close();
  }
}

/** Some servers act on a POST only if it comes from their own origin. */
const origin = ({ port }: Target) => ({ Origin: `http://localhost:${port}` });

interface Browser {
  readonly cookies: () => string;
  readonly keep: (answer: Answer) => Answer;
}

async function walk(connection: Connection, start: string, { cookies, keep }: Browser): Promise<void> {
  const headers = () => (cookies() === "" ? {} : { Cookie: cookies() });
  let path = start;
  let answer = keep(await connection.ask(get(path, headers())));
  for (let steps = 0; steps < 12; steps++) {
    const location = locationOf(answer);
    if (location !== undefined) {
      if (location.startsWith(redirect_uri) && codeIn(location) !== undefined) return;
      path = pathOf(location, path);
      answer = keep(await connection.ask(get(path, headers())));
      continue;
    }
    const form = /<form[^>]*>[\s\S]*?name="password"[\s\S]*?<\/form>/.exec(answer.body)?.[0];
    if (form === undefined) break;
    path = pathOf(withoutEntities(/action="([^"]*)"/.exec(form)?.[1] ?? path), path);
    const fields = new URLSearchParams({ username: person.email, password: person.password, action: "login" });
    for (const [tag] of form.matchAll(/<input[^>]*type="hidden"[^>]*>/g))
      fields.set(/name="([^"]*)"/.exec(tag)?.[1] ?? "", withoutEntities(/value="([^"]*)"/.exec(tag)?.[1] ?? ""));
    answer = keep(await connection.ask(post(path, fields.toString(), headers())));
  }
  throw new Error(`stuck at ${path}: ${answer.status} ${locationOf(answer) ?? ""} ${answer.body.slice(0, 800)}`);
}

const pathOf = (location: string, base: string): string => {
  const { pathname, search } = new URL(location, new URL(base, "http://localhost"));
  return pathname + search;
};
const withoutEntities = (text: string): string => text.replaceAll("&amp;", "&").replaceAll("&#x3D;", "=");

/** Where an answer sends the browser, as it was written. */
export function locationOf({ head }: Answer): string | undefined {
  return /\r\nlocation: *([^\r\n]*)/i.exec(head)?.[1];
}

/** The code in a redirect to the client. */
export function codeIn(location: string): string | undefined {
  const code = /[?&]code=([^&#]*)/.exec(location)?.[1];
  return code === undefined ? undefined : decodeURIComponent(code);
}
