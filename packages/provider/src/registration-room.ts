/**
 * How many clients strangers may have at the same time, altogether (RFC 7591 §5; CWE-770).
 *
 * The store has no count of its own, so it is counted seldom and remembered. Guarantees that a server which is full says so until
 * clients have gone, and that finding that out costs little. Several nodes may pass the limit by what each lets in meanwhile.
 */
import { temporarilyUnavailable } from "@valetkey/protocol/errors";
import { list } from "./entries.ts";
import type { Op } from "./op.ts";

/** Milliseconds after which others may have come or gone. */
const recountAfter = 600_000;
const recountFullAfter = 60_000;

export interface Room {
  /** Throws 503 `temporarily_unavailable` if there are so many already. */
  check(op: Op): Promise<void>;
  /** One more came. */
  added(): void;
}

/** Creates the room for so many clients with dynamic registration. */
export function roomFor(most: number): Room {
  let known: { count: number; readonly at: number } | undefined;
  return {
    async check(op) {
      const now = op.now();
      const age = known === undefined ? Number.POSITIVE_INFINITY : now - known.at;
      if (known === undefined || age >= (known.count >= most ? recountFullAfter : recountAfter))
        known = { count: await countStrangers(op, most), at: now };
      if (known.count < most) return;
      op.log.warn({ event: "registration.full", most }, "no more clients can register themselves");
      throw temporarilyUnavailable("no more clients can be registered at the moment", {
        headers: { "Retry-After": "3600" },
      });
    },
    added() {
      if (known !== undefined) known.count++;
    },
  };
}

async function countStrangers(op: Op, most: number): Promise<number> {
  let count = 0;
  for (let after: string | undefined; ; ) {
    const page = await list(op.store, "client", { limit: 1000, ...(after === undefined ? {} : { after }) });
    count += page.filter(({ data }) => data.provenance === "dynamic").length;
    after = page.at(-1)?.id;
    if (count >= most || page.length < 1000 || after === undefined) return count;
  }
}
