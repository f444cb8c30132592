/**
 * Asks the running server, if there is one: does it answer as the issuer, with our database's keys, at our time.
 *
 * The one property: nothing but the origin the operator configured as the issuer is asked.
 */

import { wellKnown } from "@valetkey/protocol/metadata";
import type { Check } from "./doctor.ts";

const patience = 3_000;

interface Answer {
  readonly issuer?: unknown;
  readonly jwks_uri?: unknown;
}

/** Checks a server. `kids`: the keys in the database, where they could be read; `database`: its name, to show. */
export async function checkServer(
  issuer: string,
  database: string,
  kids: readonly string[] | undefined,
): Promise<Check[]> {
  const url = wellKnown(issuer, "openid-configuration");
  let response: Response;
  try {
    response = await ask(String(url));
  } catch {
    const detail = `${issuer} does not answer; is the server running, and do PORT and VALETKEY_ISSUER here say what they say there?`;
    return [{ name: "server", status: "note", detail }];
  }
  const body = (await response.json().catch(() => undefined)) as Answer | null | undefined;
  const clock = checkClock(response);
  if (!response.ok || body?.issuer !== issuer) {
    const detail = `${url} answers ${response.status} with issuer ${JSON.stringify(body?.issuer ?? null)}, expected ${issuer}`;
    const fix = "let the proxy pass this address on, and set VALETKEY_ISSUER to the public URL";
    return [{ name: "server", status: "problem", detail, fix }, clock];
  }
  const published = kids === undefined ? undefined : await publishedKids(issuer, body.jwks_uri);
  // A rotation in between leaves the former keys published, so one in common is there as long as it is one database.
  if (kids !== undefined && published !== undefined && !published.some((kid) => kids.includes(kid))) {
    const detail = `the server at ${issuer} uses another database: none of its keys is in ${database}`;
    const fix =
      "run doctor with the configuration of that server (its folder, its environment, --database), or stop it and start yours";
    return [{ name: "server", status: "problem", detail, fix }, clock];
  }
  const detail = published === undefined ? `${issuer} answers` : `${issuer} answers, with the keys of this database`;
  return [{ name: "server", status: "ok", detail }, clock];
}

async function publishedKids(issuer: string, jwksUri: unknown): Promise<string[] | undefined> {
  if (typeof jwksUri !== "string" || !URL.canParse(jwksUri)) return undefined;
  if (new URL(jwksUri).origin !== new URL(issuer).origin) return undefined;
  try {
    const response = await ask(jwksUri);
    const body = (await response.json()) as { keys?: unknown } | null;
    if (!response.ok || !Array.isArray(body?.keys)) return undefined;
    return body.keys.flatMap((key: { kid?: unknown } | null) => (typeof key?.kid === "string" ? [key.kid] : []));
  } catch {
    return undefined;
  }
}

function ask(url: string): Promise<Response> {
  return fetch(url, { signal: AbortSignal.timeout(patience), redirect: "error" });
}

function checkClock(response: Response): Check {
  const date = Date.parse(response.headers.get("date") ?? "");
  const skew = Number.isNaN(date) ? 0 : Math.abs(Date.now() - date);
  // The header counts whole seconds.
  if (skew <= 5_000) return { name: "clock", status: "ok", detail: "agrees with the server's" };
  const detail = `differs from the server's by ${Math.round(skew / 1000)} s`;
  return { name: "clock", status: "problem", detail, fix: "let both keep time by NTP" };
}
