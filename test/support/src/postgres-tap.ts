/**
 * A hop in front of PostgreSQL that reads along: which statements are sent, how many, and in how many round trips.
 *
 * PostgreSQL's protocol 3.0 without TLS: a letter, a length, a body; `P` carries the SQL of a prepared statement, `B` runs one, `Q` is both.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";

/** What went by since the tap was started, or since a difference was taken. */
export interface TapCounts {
  /** Statements that were run, `begin` and `commit` among them. */
  readonly statements: number;
  /** How often a connection that had heard an answer asked again. */
  readonly trips: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

export interface PostgresTap extends AsyncDisposable {
  readonly port: number;
  /** Every SQL text that was sent, once. */
  statements(): string[];
  counts(): TapCounts;
}

/** Listens on a port of its own, and passes on everything to PostgreSQL at `target`, both on loopback. */
export async function startPostgresTap(target: number): Promise<PostgresTap> {
  const texts = new Set<string>();
  const counts = { statements: 0, trips: 0, bytesSent: 0, bytesReceived: 0 };
  const server = createServer((near) => {
    const far = connect(target, "127.0.0.1");
    let unread = Buffer.alloc(0);
    let begun = false;
    let answered = true;
    near.on("data", (part) => {
      far.write(part);
      counts.bytesSent += part.length;
      if (answered) counts.trips += 1;
      answered = false;
      unread = Buffer.concat([unread, part]);
      for (;;) {
        // The first message has no letter before its length.
        const start = begun ? 1 : 0;
        if (unread.length < start + 4) return;
        const end = start + unread.readUInt32BE(start);
        if (unread.length < end) return;
        const letter = begun ? String.fromCharCode(unread[0] ?? 0) : "";
        const parts = unread
          .subarray(start + 4, end)
          .toString("latin1")
          .split("\0");
        if (letter === "P") texts.add(parts[1] ?? "");
        if (letter === "Q") texts.add(parts[0] ?? "");
        if (letter === "B" || letter === "Q") counts.statements += 1;
        unread = unread.subarray(end);
        begun = true;
      }
    });
    far.on("data", (part) => {
      near.write(part);
      counts.bytesReceived += part.length;
      answered = true;
    });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on("error", () => {});
      one.on("close", () => other.destroy());
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    statements: () => [...texts],
    counts: () => ({ ...counts }),
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, "close");
    },
  };
}
