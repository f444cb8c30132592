/**
 * Writes what the plans came to, as `docs/conformance.md`: one table for each plan, each complaint with an explanation.
 *
 * Guarantees that no complaint is left out: one without an explanation is shown as such.
 */
import type { Complaint, Outcome } from "./run-plan.ts";

/** Why a condition complains: condition or `module/condition` → explanation. Under a module's own name: what its screenshot shows. */
export type Explanations = Readonly<Record<string, string>>;

export interface PlanOutcome {
  readonly plan: string;
  readonly variant: Readonly<Record<string, string>>;
  readonly outcomes: readonly Outcome[];
}

/** The whole document as Markdown. */
export function reportOf(plans: readonly PlanOutcome[], explanations: Explanations): string {
  const parts = plans.map((plan) => section(plan, explanations));
  return `${intro}\n${parts.join("\n")}`;
}

const intro = `# Conformance

What the [OpenID Foundation's conformance suite](https://gitlab.com/openid/conformance-suite) says of this server. Written by
\`npm run conformance -- --suite <address of a running suite>\`, which starts the server as the plan needs it (\`conformance/plans.ts\`)
and sits in front of the browser. This is a report of our own runs, not a certification.

PASSED: nothing to complain of. REVIEW: no condition failed, and a person has to judge the screenshot; what it shows is in the
remarks. SKIPPED: about something the server says it does not do. WARNING: allowed, with a remark. FAILED: at least one condition failed.
`;

function section({ plan, variant, outcomes }: PlanOutcome, explanations: Explanations): string {
  const chosen = Object.entries(variant).map(([name, value]) => `${name}=${value}`);
  const counts = new Map<string, number>();
  for (const { result } of outcomes) counts.set(result, (counts.get(result) ?? 0) + 1);
  const summary = [...counts].map(([result, count]) => `${count} ${result}`).join(", ");
  const rows = outcomes.map((outcome) => row(outcome, explanations));
  const head = ["| module | result | remarks |", "| --- | --- | --- |"];
  const title = `## ${plan}\n\n${chosen.length === 0 ? "" : `${chosen.join(", ")}. `}${summary}.\n`;
  return `${title}\n${[...head, ...rows].join("\n")}\n`;
}

function row({ module, result, complaints }: Outcome, explanations: Explanations): string {
  const seen = new Map<string, Complaint>();
  for (const complaint of complaints) seen.set(`${complaint.condition} ${complaint.message}`, complaint);
  const remarks = [...seen.values()].map(({ severity, condition, message }) => {
    const why = explanations[`${module}/${condition}`] ?? explanations[condition] ?? "not explained yet";
    return `${severity}: ${condition}: ${cell(message)} (${cell(why)})`;
  });
  const shown = result === "REVIEW" ? (explanations[module] ?? "nobody has looked at the screenshot yet") : undefined;
  return `| ${module} | ${result} | ${[...(shown === undefined ? [] : [cell(shown)]), ...remarks].join("<br>")} |`;
}

const cell = (text: string) => text.replaceAll(/\s+/g, " ").replaceAll("|", "\\|").replaceAll("<", "&lt;");
