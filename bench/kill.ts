/**
 * `npm run bench -- kill [--databases sqlite,postgres] [--times 5] [--concurrency 32] [--out file]`: kills our server (SIGKILL) in the
 * middle of the benchmark's load, starts it again on what it left, and asks for everything that was answered with 200.
 *
 * The one property: a single answer that is not there afterwards fails the run.
 */
import { join, resolve } from "node:path";
import { get, openConnection } from "./http-client.ts";
import { exchangeRequest, introspectRequest, machineRequest, makeCodes, tokenIn, type World } from "./jobs.ts";
import { load } from "./load.ts";
import { type ServerProcess, startServerProcess } from "./processes.ts";
import { onStage, readFlags } from "./stage.ts";

const flags = readFlags({ databases: "sqlite,postgres", times: "5", concurrency: "32", out: "" });
const concurrency = Number(flags.concurrency);
const results: { database: string; answered: number; lost: number }[] = [];

await onStage(
  { kind: "kill", names: ["ours"], out: flags.out, shown: { times: flags.times, concurrency } },
  async (stage) => {
    for (const kind of flags.databases.split(",")) {
      const file = `file:${join(stage.place.folder, "killed.db")}`;
      const database = kind === "sqlite" ? file : await (await stage.place.postgres()).createDatabase();
      const log = join(stage.place.folder, "killed.log");
      // The second start is on the port of the first: the issuer must be the same.
      const start = (port: number): Promise<ServerProcess> => {
        const command = [
          process.execPath,
          resolve(import.meta.dirname, "dist/servers/ours.js"),
          database,
          String(port),
        ];
        return startServerProcess(command, { log });
      };
      let server = await start(0);
      for (let time = 1; time <= Number(flags.times); time++) {
        const answered = await workUntilKilled({ server, sessions: [] });
        await server.stop();
        server = await start(server.target.port);
        const lost = await countLost(server, answered);
        console.log(`  ${kind}, kill ${time}: ${answered.length} tokens were answered, ${lost} of them lost`);
        results.push({ database: kind, answered: answered.length, lost });
        await stage.save(results);
      }
      await server.stop();
    }
    const lost = results.reduce((sum, one) => sum + one.lost, 0);
    if (lost > 0) throw new Error(`${lost} tokens that were answered are lost`);
  },
);

/** Every other connection redeems codes, the rest get tokens of their own. Gives the requests that ask for what was answered. */
async function workUntilKilled(world: World): Promise<readonly string[]> {
  const { target, pid } = world.server;
  const codes = await makeCodes(world, { concurrency, expected: 3_000 }, "ES256");
  const request = machineRequest(target, target.opaque);
  const answered: string[] = [];
  const killing = setTimeout(() => process.kill(pid, "SIGKILL"), 500 + Math.random() * 1_000);
  const work = load(
    world.server,
    async (connection, index) => {
      const code = index % 2 === 0 ? codes.pop() : undefined;
      const sent = code === undefined ? request : exchangeRequest(world, code, "ES256");
      const token = tokenIn(await connection.ask(sent), "access_token");
      const Authorization = `Bearer ${token}`;
      answered.push(code === undefined ? introspectRequest(target, token) : get("/userinfo", { Authorization }));
      return true;
    },
    { concurrency, milliseconds: 60_000 },
  );
  // It ends with the connections that broke.
  const broke = await work.then(
    () => false,
    () => true,
  );
  clearTimeout(killing);
  if (!broke) throw new Error("the server was not killed");
  return answered;
}

async function countLost(server: ServerProcess, requests: readonly string[]): Promise<number> {
  const connection = openConnection(server.target.port);
  let lost = 0;
  for (const request of requests) {
    const { status, body } = await connection.ask(request);
    if (status !== 200 || !/"active":true|"sub":"/.test(body)) lost++;
  }
  connection.close();
  return lost;
}
