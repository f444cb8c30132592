/**
 * The API a `profile` function asks with: bound to one provider, one token, one sign-in.
 *
 * RFC 6750 §2.1, RFC 9449 §7.1, RFC 9700 §4.9 (tokens must not leak to other servers).
 * Guarantees answers of bounded size, and that the token goes only where `auth.fetch` would send it.
 */
import { readJsonArray, readJsonObject } from "@valetkey/protocol/read-json";
import { ClientError } from "../client-error.ts";
import { type Dpop, dpopFetch } from "../dpop-fetch.ts";
import type { ProfileApi } from "../profile.ts";
import type { App } from "./app.ts";
import { ask, nameOf } from "./ask.ts";
import { audienceOf } from "./audience.ts";
import type { Remote } from "./remote.ts";

/** What arrived with the sign-in. */
export interface Fresh {
  readonly access_token: string;
  /** What the token is bound to. */
  readonly dpop?: Dpop | undefined;
  /** Proves in another way than with a Bearer token that a request may be made. */
  readonly prove?: (url: URL, init: RequestInit) => Promise<{ readonly url: URL; readonly init: RequestInit }>;
  readonly tokens: Readonly<Record<string, unknown>>;
  readonly callback: Readonly<Record<string, string | undefined>>;
}

export function profileApi(app: App, remote: Remote, fresh: Fresh): ProfileApi {
  const { access_token, dpop, prove, tokens, callback } = fresh;
  const bound = dpop && dpopFetch({ dpop, access_token, fetch: app.fetch, now: app.now });
  const text = async (target: string, init: RequestInit = {}): Promise<Response> => {
    const { url } = audienceOf(remote, target);
    const headers = new Headers({ Accept: "application/json", ...remote.headers });
    for (const [name, value] of new Headers(init.headers)) headers.set(name, value);
    // A service that wants it otherwise gets it from `tokens`, in a header of the caller's.
    const ours = prove === undefined && !headers.has("authorization");
    if (ours && bound === undefined) headers.set("Authorization", `Bearer ${access_token}`);
    const request = { url, init: { ...init, headers } };
    const proven = (await prove?.(url, request.init)) ?? request;
    const fetch = ours && bound !== undefined ? bound : app.fetch;
    const answer = await ask(fetch, proven.url, { ...proven.init, secret: access_token }, "userinfo_invalid");
    if (answer.response.status === 200) return new Response(answer.text);
    throw new ClientError("userinfo_invalid", `${nameOf(url, access_token)} answered ${answer.response.status}`);
  };
  const read = async <T>(target: string, init: RequestInit | undefined, as: (answer: Response) => Promise<T>) => {
    const answer = await text(target, init);
    try {
      return await as(answer);
    } catch (cause) {
      const about = nameOf(audienceOf(remote, target).url, access_token);
      throw new ClientError("userinfo_invalid", `the answer about ${about} cannot be read`, { cause });
    }
  };
  const known = Object.entries(callback).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return {
    json: (url, init) => read(url, init, (answer) => readJsonObject(answer)),
    list: (url, init) => read(url, init, (answer) => readJsonArray(answer)),
    client_id: remote.client.client_id,
    tokens,
    callback: Object.fromEntries(known),
  };
}

/** Runs a `profile` function. What it throws is `userinfo_invalid`: an answer that was not as it expected. */
export async function runProfile<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    if (cause instanceof ClientError) throw cause;
    throw new ClientError("userinfo_invalid", "the profile function threw", { cause });
  }
}
