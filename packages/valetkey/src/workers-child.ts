/**
 * One worker of `valetkey serve --workers`: a process that is a whole server, and listens where its parent does.
 *
 * The one property: it ends when its parent says so, when it is asked by SIGTERM, or when its parent is gone; a Ctrl-C, which the
 * terminal sends to all of them, is left to the parent. What was accepted is answered before.
 */
import cluster from "node:cluster";
import { once } from "node:events";
import { problemOf } from "./cli/errors.ts";
import { type ServeFlags, serveSettings } from "./cli/serve.ts";
import { processTerminal } from "./cli/terminal.ts";
import { openLog } from "./log.ts";
import { startWith } from "./serve.ts";
import type { News, Order } from "./workers.ts";

const { worker } = cluster;
if (worker !== undefined) {
  process.on("SIGINT", () => {});
  const end = new Promise<void>((resolve) => {
    process.on("SIGTERM", resolve);
    process.on("message", (message) => {
      if (message === "end") resolve();
    });
  });
  const tell = (news: News) => new Promise<void>((resolve) => void process.send?.(news, () => resolve()));
  const [order] = (await once(process, "message")) as [Order];
  try {
    const { settings } = await serveSettings(processTerminal(), order.flags as ServeFlags);
    const log = openLog(settings.log.level);
    const server = await startWith({ ...settings, port: order.port }, { log, part: order.part });
    const { issuer, setupUrl } = server;
    await tell({ ready: { issuer, ...(setupUrl === undefined ? {} : { setupUrl }) } });
    await end;
    await server.close();
  } catch (error) {
    const { code, details, fix } = problemOf(error);
    const { stack } = error instanceof Error ? error : {};
    await tell({ failed: { code, details, fix, ...(stack === undefined ? {} : { stack }) } });
    process.exitCode = 1;
  }
  worker.disconnect();
}
