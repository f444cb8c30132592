/**
 * Runs the modules of one plan, one after the other, each with a browser that has never been anywhere.
 *
 * Guarantees an outcome for every module: what hangs is given up after a time and said to be so.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser } from "@valetkey/test-support/chromium";
import { type Seen, visit, type Wish } from "./person.ts";
import type { Plan } from "./plans.ts";
import { type ServerUnderTest, startServerUnderTest } from "./server-under-test.ts";
import type { LogEntry, PlanModule, Result, Suite } from "./suite.ts";

const patience = 150_000;

/** These want a picture of what the person was asked; all others one of where the person ended up. */
const wantsQuestion: readonly string[] = [
  "oidcc-rp-initiated-logout-modified-id-token-hint",
  "oidcc-rp-initiated-logout-bad-id-token-hint",
];

/** These want a picture although the browser was sent on; with others the picture is of why it was not. */
const wantsPicture: readonly string[] = [
  ...wantsQuestion,
  "oidcc-prompt-login",
  "oidcc-max-age-1",
  "oidcc-registration-logo-uri",
  "oidcc-registration-policy-uri",
  "oidcc-registration-tos-uri",
];

/** What the person does at each visit where it is not to sign in and allow. */
const wishes: Readonly<Record<string, readonly Wish[]>> = {
  "fapi2-security-profile-final-user-rejects-authentication": ["cancel", "cancel"],
  "fapi2-security-profile-final-par-ensure-reused-request-uri-prior-to-auth-completion-succeeds": ["look"],
};

/** This one waits to be started until the server has new keys. */
const wantsNewKeys = "oidcc-server-rotate-keys";

/** What a condition complained of. */
export interface Complaint {
  readonly severity: "failure" | "warning";
  readonly condition: string;
  readonly message: string;
}

export interface Outcome {
  readonly module: string;
  readonly test: string;
  readonly result: Result | "INTERRUPTED" | "GIVEN UP";
  readonly complaints: readonly Complaint[];
  /** The screenshot that was handed in (PNG), for somebody to look at. */
  readonly picture?: Uint8Array;
}

export interface RunOptions {
  readonly suite: Suite;
  readonly browser: Browser;
  /** Only modules whose name contains one of these; all if empty. */
  readonly only: readonly string[];
  /** Told of each outcome as it comes. */
  readonly tell: (outcome: Outcome) => void;
}

/** Starts our server as the plan needs it and runs the plan. */
export async function runPlan(plan: Plan, { suite, browser, only, tell }: RunOptions): Promise<Outcome[]> {
  const under = await startServerUnderTest((issuer) => plan.server(issuer));
  try {
    const config = await plan.config({ suite: suite.origin, ...under });
    const { id, modules } = await suite.createPlan(plan.name, plan.variant, config);
    const outcomes: Outcome[] = [];
    for (const module of modules) {
      if (only.length > 0 && !only.some((part) => module.testModule.includes(part))) continue;
      const outcome = await runModule(suite, browser, under, id, module);
      outcomes.push(outcome);
      tell(outcome);
    }
    return outcomes;
  } finally {
    await under.close();
  }
}

async function runModule(
  suite: Suite,
  browser: Browser,
  under: ServerUnderTest,
  plan: string,
  module: PlanModule,
): Promise<Outcome> {
  const test = await suite.createTest(plan, module);
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 800, height: 700 } });
  const until = Date.now() + patience;
  const wanted = [...(wishes[module.testModule] ?? [])];
  let seen: Seen = { pictures: [], sentOn: false };
  let started = false;
  let picture: Uint8Array | undefined;
  const outcome = async (result: Outcome["result"], more: readonly Complaint[] = []): Promise<Outcome> => {
    const complaints = [...more, ...(await complaintsOf(suite, test))];
    return { module: module.testModule, test, result, complaints, ...(picture === undefined ? {} : { picture }) };
  };
  try {
    while (Date.now() < until) {
      const { status, result } = await suite.info(test);
      if (status === "INTERRUPTED") return await outcome(status);
      if (status === "FINISHED") return await outcome(result ?? "UNKNOWN");
      if (status === "CONFIGURED" && !started) {
        started = true;
        if (module.testModule === wantsNewKeys) await under.rotateKeys();
        await suite.startTest(test);
      }
      const [next] = status === "WAITING" ? await suite.visits(test) : [];
      if (next !== undefined) {
        await suite.visited(test, next.url);
        const wish = wanted.shift() ?? "agree";
        const now = await visit(context, under.issuer, next, wish);
        if (wish !== "look") seen = now;
      } else if (status === "WAITING" && (!seen.sentOn || wantsPicture.includes(module.testModule))) {
        const handedIn = wantsQuestion.includes(module.testModule) ? seen.pictures[0] : seen.pictures.at(-1);
        for (const place of handedIn === undefined ? [] : await suite.placeholders(test)) {
          picture = handedIn;
          if (handedIn !== undefined) await suite.upload(test, place, handedIn);
        }
      }
      await sleep(300);
    }
    return await outcome("GIVEN UP");
  } catch (error) {
    return await outcome("GIVEN UP", [
      { severity: "failure", condition: "runner", message: String(error).slice(0, 300) },
    ]);
  } finally {
    await context.close();
  }
}

async function complaintsOf(suite: Suite, test: string): Promise<Complaint[]> {
  return (await suite.log(test)).flatMap((entry: LogEntry): Complaint[] => {
    const { result, src = "", msg = "" } = entry;
    if (result !== "FAILURE" && result !== "WARNING") return [];
    return [{ severity: result === "FAILURE" ? "failure" : "warning", condition: src, message: msg }];
  });
}
