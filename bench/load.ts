/**
 * Closed-loop load: so many connections, each of which asks again as soon as it was answered, for so long.
 *
 * The one property: every answer is looked at, and the first that is not what the work expects stops the run with its words.
 */
import { createHistogram } from "node:perf_hooks";
import { type Answer, type Connection, openConnection } from "./http-client.ts";
import { cpuOf, type ServerProcess } from "./processes.ts";
import type { Round } from "./rounds.ts";

/** One unit of work on one connection: one request, or a flow of several. Says false when there is nothing left to do. */
export type Unit = (connection: Connection, index: number) => Promise<boolean | undefined>;

export interface LoadOptions {
  readonly concurrency: number;
  readonly milliseconds: number;
}

/** What a round came to. Latencies in milliseconds, of one unit. */
export interface Measured extends Round {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
}

/** Runs a unit as often as the server answers. Rejects with what was wrong with an answer, or when the server dies. */
export async function load(server: ServerProcess, unit: Unit, options: LoadOptions): Promise<Measured> {
  const { concurrency, milliseconds } = options;
  const latencies = createHistogram();
  const connections = Array.from({ length: concurrency }, () => openConnection(server.target.port));
  const [cpu, start] = [cpuOf(server.pid), performance.now()];
  let [count, over] = [0, false];
  const client = async (connection: Connection, index: number) => {
    for (let at = start; !over && at - start < milliseconds; ) {
      if ((await unit(connection, index)) === false) over = true;
      else {
        const now = performance.now();
        latencies.record(Math.max(1, Math.round((now - at) * 1_000_000)));
        at = now;
        count++;
      }
    }
  };
  try {
    await Promise.race([Promise.all(connections.map(client)), server.died]);
    const seconds = (performance.now() - start) / 1000;
    return {
      count,
      perSecond: count / seconds,
      cpu: (cpuOf(server.pid) - cpu) / count,
      p50: latencies.percentile(50) / 1_000_000,
      p99: latencies.percentile(99) / 1_000_000,
    };
  } finally {
    over = true;
    for (const connection of connections) connection.close();
  }
}

/** Refuses an answer that is not this status with a body that this matches. */
export function expect(answer: Answer, status: number, shape: RegExp): void {
  if (answer.status === status && shape.test(answer.body)) return;
  const got = `${answer.status} ${answer.head.slice(0, 300)} ${answer.body.slice(0, 600)}`;
  throw new Error(`expected ${status} with ${shape}, got ${got}`);
}
