/**
 * Runs plans of the OpenID Foundation's conformance suite against our server and writes `docs/conformance.md`.
 *
 * `npm run conformance -- --suite https://localhost:8443 [--only <part of a module's name>]... [part of a plan's name]...`
 * talks to a suite that is running already. `--pictures <folder>` keeps the screenshots that were handed in: a module that came
 * to REVIEW passed only if they show what they should. Outcomes of plans that were not chosen stay as they are in the report;
 * with `--only` it is not written. Ends with 1 if a module failed that no explanation covers.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { startChromium } from "@valetkey/test-support/chromium";
import { loopbackFetch } from "./loopback-fetch.ts";
import { plans } from "./plans.ts";
import { type Explanations, type PlanOutcome, reportOf } from "./report.ts";
import { type Outcome, runPlan } from "./run-plan.ts";
import { connectSuite } from "./suite.ts";

const root = resolve(import.meta.dirname, "..");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    suite: { type: "string", default: "https://localhost:8443" },
    only: { type: "string", multiple: true, default: [] },
    pictures: { type: "string" },
  },
});
const chosen = plans.filter(({ name }) => positionals.length === 0 || positionals.some((part) => name.includes(part)));
if (chosen.length === 0) {
  console.error(
    `no plan contains ${positionals.join(" or ")}; there are:\n${plans.map(({ name }) => name).join("\n")}`,
  );
  process.exit(1);
}
const explanations = JSON.parse(
  readFileSync(resolve(import.meta.dirname, "explanations.json"), "utf8"),
) as Explanations;
const suite = connectSuite(values.suite, loopbackFetch);
const browser = await startChromium();
const done: PlanOutcome[] = [];
try {
  for (const plan of chosen) {
    console.log(plan.name);
    const outcomes = await runPlan(plan, { suite, browser, only: values.only, tell });
    done.push({ plan: plan.name, variant: plan.variant, outcomes: outcomes.map(({ picture: _, ...rest }) => rest) });
  }
} finally {
  await browser.close();
}
if (values.only.length === 0) keep(done);
const bad = done.flatMap(({ outcomes }) => outcomes).filter((outcome) => !explained(outcome));
if (bad.length > 0) console.log(`\nnot explained: ${bad.map(({ module }) => module).join(", ")}`);
process.exit(bad.length > 0 ? 1 : 0);

/** Puts these outcomes in the place of earlier ones of the same plans, and writes the report anew. */
function keep(fresh: readonly PlanOutcome[]): void {
  const file = resolve(import.meta.dirname, "outcomes.json");
  const earlier = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as PlanOutcome[]) : [];
  const all = plans.flatMap(({ name }) => {
    const one = fresh.find(({ plan }) => plan === name) ?? earlier.find(({ plan }) => plan === name);
    return one === undefined ? [] : [one];
  });
  writeFileSync(file, `${JSON.stringify(all, null, 2)}\n`);
  writeFileSync(resolve(root, "docs/conformance.md"), reportOf(all, explanations));
}

function tell({ module, test, result, complaints, picture }: Outcome): void {
  console.log(`  ${result.padEnd(11)} ${module} (${suite.origin}/log-detail.html?log=${test})`);
  for (const { severity, condition, message } of complaints) console.log(`    ${severity} ${condition}: ${message}`);
  if (picture === undefined || values.pictures === undefined) return;
  mkdirSync(values.pictures, { recursive: true });
  writeFileSync(resolve(values.pictures, `${module}.png`), picture);
}

function explained({ module, result, complaints }: Outcome): boolean {
  if (result === "PASSED" || result === "REVIEW" || result === "SKIPPED") return true;
  const known = ({ condition }: { condition: string }) =>
    explanations[`${module}/${condition}`] !== undefined || explanations[condition] !== undefined;
  return (result === "FAILED" || result === "WARNING") && complaints.every(known);
}
