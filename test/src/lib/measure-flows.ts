/**
 * What the parts of a sign-in cost one server on PostgreSQL: statements, round trips, bytes over the wire, rows and bytes stored.
 *
 * Counts, not times: one request at a time, so that nothing shares a statement, and the same on every machine.
 */

import type { RunningPostgres } from "@valetkey/test-support/postgres";
import { type PostgresTap, startPostgresTap } from "@valetkey/test-support/postgres-tap";
import pg from "pg";
import { createBrowser, type FetchBrowser } from "./browser.ts";
import { callback, codeAndRefresh, startWorld, type World } from "./fixtures.ts";
import { exchange, getCode, getTokens, introspect, postAs, type Reply, refresh, userinfo } from "./flow.ts";

/** The parts of a sign-in, in their order. `password`: sign-in page, password, consent remembered from before. */
export const parts = [
  "password sign-in, to the code",
  "live session, to the code",
  "code exchange",
  "refresh",
  "userinfo",
  "introspection",
  "client_credentials",
] as const;
export type PartName = (typeof parts)[number];

export interface Cost {
  readonly statements: number;
  readonly trips: number;
  /** Both ways, between server and database. */
  readonly wireBytes: number;
  /** Rows that stay behind. */
  readonly rows: number;
  /** Of these rows, as PostgreSQL keeps them: without its indexes and the space it leaves free. */
  readonly rowBytes: number;
  /** Written to its log, from which it recovers and replicates. */
  readonly logBytes: number;
}

/** The clients that are measured: a web application whose ID tokens are ES256, and a service. */
export const measuredClients = {
  app: { name: "App", grant_types: codeAndRefresh, more: { id_token_signed_response_alg: "ES256" } },
  robot: { name: "Robot", grant_types: ["client_credentials"], redirect_uris: [callback].slice(1) },
} as const;

/** Runs each part `rounds` times, one after the other, and gives the mean cost. */
export async function measureFlows(postgres: RunningPostgres, rounds: number): Promise<ReadonlyMap<PartName, Cost>> {
  const database = new URL(await postgres.createDatabase());
  await using tap = await startPostgresTap(postgres.port);
  const direct = new pg.Client({ connectionString: database.href });
  database.port = String(tap.port);
  const world = await startWorld({ database: database.href, clients: measuredClients });
  await direct.connect();
  try {
    return await measureIn(world, tap, direct, rounds);
  } finally {
    await direct.end();
    await world.server[Symbol.asyncDispose]();
  }
}

async function measureIn({ issuer, client, alice }: World, tap: PostgresTap, direct: pg.Client, rounds: number) {
  const [app, robot] = [client("app"), client("robot")];
  const good = (reply: Reply): Reply => {
    if (reply.status !== 200) throw new Error(`${reply.status} ${reply.text}`);
    return reply;
  };
  const live: FetchBrowser = (await getTokens(issuer, app, { user: alice })).browser;
  const fresh = () => getTokens(issuer, app, { browser: live.copy() });
  const work: Readonly<Record<PartName, () => Promise<() => Promise<unknown>>>> = {
    "password sign-in, to the code": async () => () =>
      getCode(issuer, app, { user: alice, browser: createBrowser(issuer) }),
    "live session, to the code": async () => () => getCode(issuer, app, { browser: live.copy() }),
    "code exchange": async () => {
      const code = await getCode(issuer, app, { browser: live.copy() });
      return async () => good(await exchange(issuer, code));
    },
    refresh: async () => {
      const { refresh_token } = await fresh();
      return async () => good(await refresh(issuer, app, refresh_token));
    },
    userinfo: async () => {
      const { access_token } = await fresh();
      return async () => good(await userinfo(issuer, access_token));
    },
    introspection: async () => {
      const { access_token } = await fresh();
      return async () => good(await introspect(issuer, app, access_token));
    },
    client_credentials: async () => async () =>
      good(await postAs(new URL("/token", issuer), robot, { grant_type: "client_credentials" })),
  };
  const stored = async () => {
    const { rows } = await direct.query<{ rows: number; bytes: number; log: string }>(
      "select count(*)::int as rows, coalesce(sum(pg_column_size(entry.*)), 0)::int as bytes, pg_current_wal_insert_lsn() - '0/0' as log from entry",
    );
    return { rows: rows[0]?.rows ?? 0, bytes: rows[0]?.bytes ?? 0, log: Number(rows[0]?.log ?? 0) };
  };
  const costs = new Map<PartName, Cost>();
  for (const part of parts) {
    const ready: (() => Promise<unknown>)[] = [];
    for (let round = 0; round < rounds; round++) ready.push(await work[part]());
    // The first brings what is read once into memory.
    await (await work[part]())();
    const [before, kept] = [tap.counts(), await stored()];
    for (const run of ready) await run();
    const [after, keeps] = [tap.counts(), await stored()];
    const each = (from: number, to: number) => Math.round(((to - from) / rounds) * 10) / 10;
    costs.set(part, {
      statements: each(before.statements, after.statements),
      trips: each(before.trips, after.trips),
      wireBytes: Math.round(each(before.bytesSent, after.bytesSent) + each(before.bytesReceived, after.bytesReceived)),
      rows: each(kept.rows, keeps.rows),
      rowBytes: Math.round(each(kept.bytes, keeps.bytes)),
      logBytes: Math.round(each(kept.log, keeps.log)),
    });
  }
  return costs;
}
