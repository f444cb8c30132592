/**
 * A proxy in front of several servers that knows no sticky sessions: each request goes to one of them at random.
 *
 * What a server refused to connect it gives to another; what a server may have read is never sent twice. The one property: it keeps
 * book, so that a test can tell a request that died with its server from one that was answered badly.
 */
import { createServer, type IncomingMessage, request as send } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

export interface SpreadingProxy extends AsyncDisposable {
  readonly origin: string;
  /** Whole answers by port. */
  readonly answered: ReadonlyMap<number, number>;
  /** Requests that a server had taken when it died, by port: their clients see the connection break, too. */
  readonly died: ReadonlyMap<number, number>;
  /** Requests that were given to another server because the first did not accept a connection. */
  readonly passedOn: () => number;
  add(...ports: readonly number[]): void;
  /** Sends no more to this port; resolves when what was sent has been answered. */
  drain(port: number): Promise<void>;
}

/** Listens on loopback, on a port of its own. `add` says where requests go. */
export async function startSpreadingProxy(): Promise<SpreadingProxy> {
  const targets = new Set<number>();
  const underWay = new Map<number, number>();
  const answered = new Map<number, number>();
  const died = new Map<number, number>();
  const count = (map: Map<number, number>, port: number, by = 1) => map.set(port, (map.get(port) ?? 0) + by);
  let watchers: (() => void)[] = [];
  let passedOn = 0;

  /** Sends the request to a port. `refused`: no connection was made, so nothing of the request was seen. */
  const forward = (incoming: IncomingMessage, body: Buffer, port: number) =>
    new Promise<{ readonly answer: IncomingMessage; readonly text: Buffer } | "refused" | "died">((resolve) => {
      const { method, url: path, headers } = incoming;
      const onward = send({ host: "127.0.0.1", port, method, path, headers, agent: false }, (answer) => {
        const parts: Buffer[] = [];
        answer.on("data", (part: Buffer) => parts.push(part));
        answer.once("end", () => resolve({ answer, text: Buffer.concat(parts) }));
        answer.once("error", () => resolve("died"));
      });
      onward.once("error", (error: NodeJS.ErrnoException) =>
        resolve(error.code === "ECONNREFUSED" ? "refused" : "died"),
      );
      onward.end(body);
    });

  const server = createServer(async (incoming, outgoing) => {
    const body = await buffer(incoming);
    const left = new Set(targets);
    while (left.size > 0) {
      const port = [...left][Math.floor(Math.random() * left.size)] ?? 0;
      count(underWay, port);
      const result = await forward(incoming, body, port);
      count(underWay, port, -1);
      for (const watcher of watchers) watcher();
      if (result === "refused") {
        left.delete(port);
        passedOn += 1;
        continue;
      }
      if (result === "died") {
        count(died, port);
        outgoing.destroy();
        return;
      }
      count(answered, port);
      const { answer, text } = result;
      outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders.map(withoutHop(answer.rawHeaders)));
      outgoing.end(text);
      return;
    }
    outgoing.writeHead(502).end("no server");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    answered,
    died,
    passedOn: () => passedOn,
    add: (...ports) => {
      for (const port of ports) targets.add(port);
    },
    drain: (port) =>
      new Promise((resolve) => {
        targets.delete(port);
        const look = () => {
          if ((underWay.get(port) ?? 0) > 0) return;
          watchers = watchers.filter((one) => one !== look);
          resolve();
        };
        watchers.push(look);
        look();
      }),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Whether a connection stays open is between its two ends (RFC 9110 §7.6.1): what a server says of its own is not passed on. */
function withoutHop(raw: readonly string[]): (value: string, at: number) => string {
  return (value, at) => (at % 2 === 1 && raw[at - 1]?.toLowerCase() === "connection" ? "keep-alive" : value);
}
