/**
 * A whole server in memory for the tests of its pages: a directory of people, a clock, two clients.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Log } from "@valetkey/provider/op";
import type { Store } from "@valetkey/store";
import { memoryStore } from "@valetkey/store/memory";
import { openDirectory } from "./accounts/accounts.ts";
import type { Directory } from "./accounts/directory.ts";
import { createServer } from "./create-server.tsx";
import type { Server, ServerOptions } from "./server-options.ts";

export const issuer = "http://localhost:4000";
export const secret = "a secret of more than thirty-two characters";
export const password = "correct horse battery";
/** Where the first client gets its codes. */
export const callback = "https://photos.example/callback";

/** A clock that goes on only when it is told to. */
export interface Clock {
  readonly now: () => number;
  /** Milliseconds. */
  pass(time: number): void;
}

export interface TestSite {
  readonly server: Server;
  readonly directory: Directory;
  readonly store: Store;
  readonly clock: Clock;
  /** What was logged. */
  readonly lines: Record<string, unknown>[];
  /** Alice's subject. */
  readonly alice: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a site with Alice and the client `photos`. */
export async function startSite(
  options: Partial<ServerOptions> & { readonly people?: "alice" | "nobody" } = {},
): Promise<TestSite> {
  const { people = "alice", ...more } = options;
  const clock = startClock();
  const store = more.store ?? memoryStore({ now: clock.now });
  const folder = await mkdtemp(join(tmpdir(), "valetkey-site-"));
  const directory = await openDirectory({ database: `file:${join(folder, "people.db")}`, store, now: clock.now });
  const lines: Record<string, unknown>[] = [];
  const say = (fields: Record<string, unknown>, message: string): void => void lines.push({ ...fields, message });
  const log: Log = { debug: say, info: say, warn: say, error: say };
  const server = await createServer({ issuer, secret, accounts: directory, now: clock.now, log, ...more, store });
  await server.provider.clients.add(
    {
      client_id: "photos",
      client_name: "Photo printer",
      redirect_uris: [callback],
      post_logout_redirect_uris: ["https://photos.example/bye"],
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
    },
    { provenance: "admin" },
  );
  const alice =
    people === "nobody"
      ? ""
      : (await directory.create({ email: "alice@example.com", name: "Alice", password })).subject;
  return {
    server,
    directory,
    store,
    clock,
    lines,
    alice,
    async [Symbol.asyncDispose]() {
      await directory.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The address an app sends a browser to. */
export function authorizeUrl(parameters: Record<string, string> = {}, at = issuer): string {
  const query = new URLSearchParams({
    response_type: "code",
    client_id: "photos",
    redirect_uri: callback,
    scope: "openid profile email",
    state: "the state",
    code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    code_challenge_method: "S256",
    ...parameters,
  });
  return `${at}/authorize?${query}`;
}

/** Redeems the code an app got, as the client `photos`: what it was granted is alive from then on. */
export async function redeem(server: Server, location: string | undefined): Promise<{ refresh_token?: string }> {
  const body = new URLSearchParams({
    grant_type: "authorization_code",
    client_id: "photos",
    redirect_uri: callback,
    code: new URL(location ?? "").searchParams.get("code") ?? "",
    // RFC 7636 Appendix B.
    code_verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
  });
  const answer = await server.handle(new Request(`${server.issuer}/token`, { method: "POST", body }));
  return (await answer?.json()) as { refresh_token?: string };
}

function startClock(): Clock {
  let at = Date.UTC(2026, 5, 1);
  return {
    now: () => at,
    pass: (time) => {
      at += time;
    },
  };
}
