/**
 * Looks at a PostgreSQL server as one that several processes share: durable, on time, with room for their connections, and able to run
 * what they ask.
 *
 * The one property: it only looks. What it tries, it takes back.
 */
import pg from "pg";
import { directoryConnections } from "../accounts/postgres-pool.ts";
import { storeConnections } from "../open.ts";
import type { Check } from "./doctor.ts";
import { tryStatements } from "./postgres-statements.ts";

const patience = 5_000;

/** Connections that one process of the server opens at most. */
export const connectionsOfOne = storeConnections + directoryConnections;

interface Server {
  readonly product: string;
  readonly fsync: string;
  readonly pages: string;
  readonly durable: string;
  readonly standby: boolean;
  readonly isolation: string;
  readonly now: number;
  readonly room: number;
  readonly others: number;
  readonly replicas: number;
  readonly synchronous: string;
}

// A setting that a relative of PostgreSQL does not have is null.
const look = `
  select version() as product, current_setting('fsync', true) as fsync,
    current_setting('full_page_writes', true) as pages, current_setting('synchronous_commit', true) as durable,
    current_setting('default_transaction_isolation', true) as isolation, pg_is_in_recovery() as standby,
    extract(epoch from clock_timestamp())::float8 * 1000 as now,
    coalesce(current_setting('max_connections', true), '0')::int
      - coalesce(current_setting('superuser_reserved_connections', true), '0')::int
      - coalesce(current_setting('reserved_connections', true), '0')::int as room,
    (select count(*)::int from pg_stat_activity where datname is not null
      and coalesce(application_name, '') <> 'valetkey' and pid <> pg_backend_pid()) as others,
    (select count(*)::int from pg_stat_replication) as replicas,
    current_setting('synchronous_standby_names', true) as synchronous`;

/** Checks the server at this URL for so many workers. Rejects with the driver's error if it cannot be reached. */
export async function checkPostgres(connectionString: string, workers: number): Promise<Check[]> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: patience, query_timeout: patience });
  client.on("error", () => {});
  await client.connect();
  try {
    const asked = Date.now();
    const { rows } = await client.query<Server>(look);
    // The answer is as old as half the way there and back.
    const here = (asked + Date.now()) / 2;
    const server = rows[0];
    if (server === undefined) return [problem("database", "does not say what it is", "connect to PostgreSQL")];
    if (server.standby) return [problem("database", "is a standby and only reads", "connect to the primary")];
    return [...checkServer(server, here), checkRoom(server, workers), await checkStatements(client)];
  } finally {
    await client.end().catch(() => {});
  }
}

function checkServer(server: Server, here: number): Check[] {
  const checks: Check[] = [];
  // What was acknowledged must be there after a crash: a spent code must not be fresh again.
  if (server.fsync === "off" || server.pages === "off")
    checks.push(problem("database", "may lose data in a crash (fsync or full_page_writes is off)", "turn them on"));
  const skew = Math.round(here - Number(server.now));
  // Lifetimes are counted by the clocks of the servers; one that is wrong makes tokens of the others too old or too young.
  if (Math.abs(skew) > 5_000)
    checks.push(
      problem("database", `its clock differs by ${Math.round(Math.abs(skew) / 1000)} s`, "let both keep time by NTP"),
    );
  if (checks.length === 0) {
    const product = /^\S+ \S+/.exec(server.product)?.[0] ?? server.product;
    const detail = `${product}, durable, on time (${Math.abs(skew)} ms apart)`;
    checks.push({ name: "database", status: "ok", detail });
  }
  if (server.durable === "off" || server.durable === "local")
    checks.push(
      note("database", `synchronous_commit is ${server.durable} by default; Valetkey turns it on for itself`),
    );
  if (server.isolation !== "read committed")
    checks.push(
      note("database", `isolation is ${server.isolation} by default; Valetkey asks for read committed itself`),
    );
  if (server.replicas > 0 && (server.synchronous ?? "") === "")
    checks.push(
      note("database", "its standbys are asynchronous: a failover may forget the last commits, among them spent codes"),
    );
  return checks;
}

function checkRoom({ room, others }: Server, workers: number): Check {
  const name = "connections";
  if (room <= 0) return note(name, "the database does not say how many it takes");
  const wanted = workers * connectionsOfOne;
  const each = workers === 1 ? "this server" : `${workers} workers`;
  if (wanted > room - others) {
    const used = others === 0 ? "" : `, of which others use ${others}`;
    const fix = `raise max_connections of PostgreSQL, or run at most ${Math.max(1, Math.floor((room - others) / connectionsOfOne))}`;
    return problem(name, `${each} may open ${wanted}, and there are ${room}${used}`, fix);
  }
  const more = Math.floor((room - others - wanted) / connectionsOfOne);
  return {
    name,
    status: "ok",
    detail: `${each} may open ${wanted} of ${room - others}; there is room for ${more} more such process${more === 1 ? "" : "es"}, here or elsewhere`,
  };
}

async function checkStatements(client: pg.Client): Promise<Check> {
  const { failed, tried, isolation } = await tryStatements(client);
  if (failed.length > 0)
    return problem("statements", failed.join("; "), "give the role its rights, or use PostgreSQL 15 or newer");
  // What is stricter ends more transactions with an error; they are tried again, and lose no race.
  if (isolation !== "read committed")
    return note("statements", `${tried} kinds work, but at ${isolation}: expect retries`);
  return { name: "statements", status: "ok", detail: `${tried} kinds work, at read committed; nothing was kept` };
}

function problem(name: string, detail: string, fix: string): Check {
  return { name, status: "problem", detail, fix };
}

function note(name: string, detail: string): Check {
  return { name, status: "note", detail };
}
