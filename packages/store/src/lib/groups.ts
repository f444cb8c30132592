/**
 * Gathers calls that wait at the same time into groups, for databases that answer many at once in nearly the time of one.
 *
 * While groups are under way, the calls that arrive wait together and form the next; when nothing is, a call goes at
 * the end of the current turn of the event loop. No timer: alone, a call waits for nobody. The one property: the queue
 * is bounded, and a call beyond it is refused at once with `StoreUnavailable`.
 */

import { StoreUnavailable } from "../store.ts";

export interface GroupOptions<Item, Answer> {
  /** Answers a group, in its order. What it rejects with, all calls of the group reject with. */
  readonly run: (items: readonly Item[]) => Promise<readonly Answer[]>;
  /** Calls in one group at most. */
  readonly size: number;
  /** Groups under way at most. */
  readonly atOnce: number;
  /** Calls waiting at most. */
  readonly waiting: number;
}

export interface Groups<Item, Answer> {
  /** Puts one call into the next group. */
  ask(item: Item): Promise<Answer>;
  /** Resolves when nothing waits and nothing is under way. */
  idle(): Promise<void>;
}

/** Starts without any call. */
export function inGroups<Item, Answer>(options: GroupOptions<Item, Answer>): Groups<Item, Answer> {
  interface Call {
    readonly item: Item;
    readonly resolve: (answer: Answer) => void;
    readonly reject: (error: unknown) => void;
  }
  let calls: Call[] = [];
  let running = 0;
  let scheduled = false;
  let watchers: (() => void)[] = [];

  const start = () => {
    scheduled = false;
    while (calls.length > 0 && running < options.atOnce) {
      const group = calls.slice(0, options.size);
      calls = calls.slice(options.size);
      void answer(group);
    }
    if (calls.length > 0 || running > 0) return;
    for (const watcher of watchers) watcher();
    watchers = [];
  };

  const answer = async (group: readonly Call[]) => {
    running += 1;
    try {
      const answers = await options.run(group.map((call) => call.item));
      group.forEach((call, index) => {
        call.resolve(answers[index] as Answer);
      });
    } catch (error) {
      for (const call of group) call.reject(error);
    }
    running -= 1;
    start();
  };

  return {
    ask: (item) =>
      new Promise((resolve, reject) => {
        if (calls.length >= options.waiting) {
          reject(new StoreUnavailable("Too many calls wait for the database."));
          return;
        }
        calls.push({ item, resolve, reject });
        if (scheduled || running >= options.atOnce) return;
        scheduled = true;
        setImmediate(start);
      }),
    idle: () =>
      new Promise((resolve) => {
        watchers.push(resolve);
        if (!scheduled) start();
      }),
  };
}
