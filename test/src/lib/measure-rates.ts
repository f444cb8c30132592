/**
 * What a sign-in, a refresh, an introspection and a service's token cost in processor time, with more workers and more rows stored.
 *
 * Not a test: `npx node test/dist/lib/measure-rates.js` prints the tables of docs/scaling.md for this machine, and writes them into the
 * page that it is given. Processor time of the server and of PostgreSQL is read from the kernel, so that other work on the machine, and
 * the load itself, do not count. Linux only.
 */
import { readFile, writeFile } from "node:fs/promises";
import { startPostgres } from "@valetkey/test-support/postgres";
import pg from "pg";
import { childrenOf, parentOf, ticksOf } from "./children.ts";
import { startWorld, type World } from "./fixtures.ts";
import { exchange, getCode, getTokens, introspect, postAs, type Reply, refresh } from "./flow.ts";
import { measuredClients } from "./measure-flows.ts";

const seconds = 4;

/** Rows, workers, and requests at once for each worker. The first is the model. */
const sizes = [
  [10_000, 1, 16],
  [10_000, 1, 4],
  [100_000, 1, 16],
  [1_000_000, 1, 16],
  [10_000, 2, 16],
  [1_000_000, 2, 16],
] as const;

const [page] = process.argv.slice(2);
const lines: Line[] = [];
for (const [rows, workers, atOnce] of sizes) {
  lines.push(await measure(rows, workers, atOnce));
  console.log(JSON.stringify(lines.at(-1)));
}
const tables = { rates: ratesTable(lines), plan: planTable(lines) };
for (const table of Object.values(tables)) console.log(`\n${table}`);
if (page !== undefined) {
  let text = await readFile(page, "utf8");
  for (const [name, table] of Object.entries(tables)) {
    text = text.replace(
      new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(<!-- /${name} -->)`),
      (_, start, end) => `${start}${table}\n${end}`,
    );
  }
  await writeFile(page, text);
}

/** Microseconds of a processor: of the server's processes, of PostgreSQL's. */
interface Times {
  readonly server: number;
  readonly database: number;
  readonly perSecond: number;
}

/** What was measured at one size. */
interface Line {
  readonly rows: number;
  readonly workers: number;
  readonly atOnce: number;
  readonly bytesPerRow: number;
  readonly signIn: Times;
  readonly refresh: Times;
  readonly introspection: Times;
  readonly service: Times;
}

async function measure(rows: number, workers: number, atOnce: number): Promise<Line> {
  const postgres = await startPostgres({ durable: true });
  const url = await postgres.createDatabase();
  const direct = new pg.Client({ connectionString: url });
  await direct.connect();
  const world = await startWorld({ database: url, clients: measuredClients, args: ["--workers", String(workers)] });
  try {
    const live = (await getTokens(world.issuer, world.client("app"), { user: world.alice })).browser;
    await fill(direct, rows);
    const bytes = await direct.query<{ bytes: string; rows: string }>(
      "select pg_total_relation_size('entry') as bytes, count(*) as rows from entry",
    );
    const { rows: backend } = await direct.query<{ pid: number }>("select pg_backend_pid() as pid");
    const works = await worksOf(world, live, workers * atOnce);
    const loaded = (work: (at: number) => Promise<void>) =>
      load(work, workers * atOnce, world.server.process().pid, backend[0]?.pid ?? 0);
    const found = bytes.rows[0];
    return {
      rows: Number(found?.rows),
      workers,
      atOnce,
      bytesPerRow: Math.round(Number(found?.bytes) / Number(found?.rows)),
      signIn: await loaded(works.signIn),
      refresh: await loaded(works.refresh),
      introspection: await loaded(works.introspection),
      service: await loaded(works.service),
    };
  } finally {
    await direct.end();
    await world.server[Symbol.asyncDispose]();
    await postgres.stop();
  }
}

/** Multiplies what one sign-in left, so that rows have the sizes of real ones, with ids in the order of time. */
async function fill(direct: pg.Client, rows: number): Promise<void> {
  await direct.query(`create temporary table model as
    select distinct on (kind) * from entry where kind in ('code', 'grant', 'access', 'refresh')
      and (client = 'app' or client is null) order by kind, id`);
  const { rows: models } = await direct.query<{ count: number }>("select count(*)::int as count from model");
  await direct.query(
    `insert into entry select kind, left(id, 4) || lpad(to_hex(at), greatest(8, length(id) - 4), '0'), version, client,
      case when subject is not null then 'subject-' || at % 100000 end, expires_at + 86400000, data from generate_series(1, $1::int) as at, model`,
    [Math.ceil(rows / Math.max(1, models[0]?.count ?? 1))],
  );
  await direct.query("vacuum analyze entry");
}

async function worksOf(
  { issuer, client, alice }: World,
  live: Awaited<ReturnType<typeof getTokens>>["browser"],
  atOnce: number,
) {
  const [app, robot] = [client("app"), client("robot")];
  const good = ({ status, text }: Reply) => {
    if (status !== 200) throw new Error(`${status} ${text}`);
  };
  const own = () => getTokens(issuer, app, { user: alice, browser: live.copy() });
  const { access_token } = await own();
  const chains = await Promise.all(Array.from({ length: atOnce }, own)).then((all) =>
    all.map(({ refresh_token }) => ({ refresh_token })),
  );
  return {
    signIn: async () => good(await exchange(issuer, await getCode(issuer, app, { browser: live.copy() }))),
    refresh: async (at: number) => {
      const chain = chains[at] ?? { refresh_token: "" };
      const reply = await refresh(issuer, app, chain.refresh_token);
      good(reply);
      chain.refresh_token = reply.json.refresh_token;
    },
    introspection: async () => good(await introspect(issuer, app, access_token)),
    service: async () => good(await postAs(new URL("/token", issuer), robot, { grant_type: "client_credentials" })),
  };
}

async function load(
  work: (at: number) => Promise<void>,
  atOnce: number,
  server: number,
  backend: number,
): Promise<Times> {
  const postmaster = parentOf(backend);
  const processes = () => [server, ...childrenOf(server)];
  const microseconds = (pids: readonly number[]) => pids.reduce((sum, pid) => sum + ticksOf(pid), 0) * 10_000;
  const run = async (time: number): Promise<number> => {
    const end = Date.now() + time;
    let done = 0;
    const one = async (at: number) => {
      while (Date.now() < end) {
        await work(at);
        done += 1;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, (_, at) => one(at)));
    return done;
  };
  await run(1_000);
  const before = [microseconds(processes()), microseconds(childrenOf(postmaster))] as const;
  const start = Date.now();
  const done = await run(seconds * 1_000);
  const elapsed = (Date.now() - start) / 1_000;
  return {
    server: Math.round((microseconds(processes()) - before[0]) / done),
    database: Math.round((microseconds(childrenOf(postmaster)) - before[1]) / done),
    perSecond: Math.round(done / elapsed),
  };
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

function bothOf({ server, database }: Times): number {
  return server + database;
}

function markdown(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  return [heading, heading.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function ratesTable(all: readonly Line[]): string {
  const [model] = all;
  const jobs = ["signIn", "refresh", "introspection", "service"] as const;
  const heading = [
    "rows",
    "workers",
    "at once for each",
    "sign-in",
    "refresh",
    "introspection",
    "client_credentials",
    "bytes a row",
    "sign-ins/s",
    "to the model",
  ];
  return markdown(
    heading,
    all.map((line) => {
      const costs = jobs.map((job) => `${whole(line[job].server)} + ${whole(line[job].database)}`);
      // The mean over the jobs, so that none counts for more because it takes longer.
      const ratio =
        jobs.reduce((sum, job) => sum + bothOf(line[job]) / bothOf(model?.[job] ?? line[job]), 0) / jobs.length;
      return [
        whole(line.rows),
        String(line.workers),
        String(line.atOnce),
        ...costs,
        whole(line.bytesPerRow),
        whole(line.signIn.perSecond),
        ratio.toFixed(2),
      ];
    }),
  );
}

/** A million people, as docs/scaling.md describes their day. The busiest hour has a tenth of it. */
function planTable([model]: readonly Line[]): string {
  if (model === undefined) return "";
  const people = 1_000_000;
  const busiest = (perDay: number) => (people * perDay) / 10 / 3_600;
  const password = { server: 25_000, database: 0, perSecond: 0 };
  const day: readonly (readonly [what: string, perDay: number, cost: Times, rows: number, days: number])[] = [
    ["passwords", 1, password, 0, 0],
    ["sign-ins", 5, model.signIn, 2, 90],
    ["refreshes", 20, model.refresh, 1, 90],
    ["API calls, asked about at the centre", 200, model.introspection, 0, 0],
  ];
  const rows = day.map(([what, perDay, cost, kept, days]) => {
    const rate = busiest(perDay);
    const gigabytes = (people * perDay * kept * days * model.bytesPerRow) / 1e9;
    const cores = [cost.server, cost.database].map((each) => ((rate * each) / 1e6).toFixed(1));
    return [what, whole(rate), ...cores, kept === 0 ? "" : whole(gigabytes)];
  });
  return markdown(["what", "a second, at most", "cores of servers", "cores of PostgreSQL", "GB kept, 90 days"], rows);
}
