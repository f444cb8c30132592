/**
 * One process of an application: fetches on behalf of whoever is signed in, as often as it is told, all at once, when it is told
 * (a line on standard input). It can be told to die, too: by SIGKILL, at a moment of a refresh.
 *
 * Argument: `Task` as JSON. Prints `ready`, then `done` with the statuses or codes it got.
 */
import { once } from "node:events";
import { isClientError } from "@valetkey/client/client-error";
import type { Store } from "@valetkey/store";
import { makeApp, openStore, type Shared } from "./vault-app.ts";

/** When to die: before the refresh request leaves, after it left, with its answer in hand, or with a commit on its way. */
export type Moment = "before" | "asked" | "answered" | "storing" | "storing last";

export interface Task extends Shared {
  readonly cookie: string;
  readonly url: string;
  readonly calls: number;
  /** `after` in milliseconds from the moment. */
  readonly death?: { readonly moment: Moment; readonly after: number };
}

const task = JSON.parse(process.argv[2] ?? "") as Task;
const { death } = task;
const die = () => process.kill(process.pid, "SIGKILL");
const dieSoon = () => {
  if (death?.after === 0) die();
  else setTimeout(die, death?.after);
};

const opened = await openStore(task);
let commits = 0;
const store: Store = {
  ...opened,
  commit(changes) {
    commits += 1;
    const committed = opened.commit(changes);
    // The first takes the turn, the second keeps the successor, the third stores what was verified.
    if ((death?.moment === "storing" && commits === 2) || (death?.moment === "storing last" && commits === 3))
      dieSoon();
    return committed;
  },
};
const oauth = makeApp(task, store, async (url, init) => {
  if (init?.method !== "POST") return fetch(url, init);
  if (death?.moment === "before") die();
  const answer = fetch(url, init);
  if (death?.moment === "asked") dieSoon();
  const response = await answer;
  if (death?.moment === "answered") {
    await response.clone().text();
    dieSoon();
  }
  return response;
});
const auth = await oauth.session(new Request(task.baseUrl, { headers: { cookie: task.cookie } }));
if (auth === null) throw new Error("nobody is signed in");

process.stdout.write("ready\n");
await once(process.stdin, "data");
const answers = await Promise.all(
  Array.from({ length: task.calls }, () =>
    auth.fetch("acme", task.url).then(
      ({ status }) => String(status),
      (e: unknown) => (isClientError(e) ? e.message : String(e)),
    ),
  ),
);
process.stdout.write(`done ${JSON.stringify([...new Set(answers)])} ${answers.length}\n`);
await opened.close();
process.exit(0);
