import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Session } from "../op.ts";
import { type NextStep, nextStep, type Situation } from "./next-step.ts";

const now = 1_800_000_000_000;
const ago = (seconds: number) => now / 1000 - seconds;
const session = (subject: string, auth_time = ago(600)): Session => ({
  subject,
  auth_time,
  sid: `sid-${subject}`,
  expiresAt: now + 3_600_000,
});
const alice = session("alice");

const base: Situation = {
  request: { prompt: [] },
  session: alice,
  accounts: 1,
  consented: true,
  acr: "met",
  done: {},
  now,
};
const nobody = { session: undefined, accounts: 0 } as const;
const prompt = (...values: string[]) => ({ request: { prompt: values } });
const loggedIn = (subject: string) => ({ login: { at: now, subject }, selected: { subject } });

// Title, what differs from: alice signed in ten minutes ago and has consented; and what must come out.
const table: readonly (readonly [string, Partial<Situation>, string])[] = [
  ["answers when somebody is signed in and has consented", {}, "answer"],
  ["asks to sign in when nobody is", nobody, "login"],
  ["asks for consent when it is missing", { consented: false }, "consent"],
  [
    "answers once consent was given here",
    { consented: false, done: { consent: { subject: "alice", scopes: [] } } },
    "answer",
  ],
  [
    "does not count consent that somebody else gave here",
    { consented: false, done: { consent: { subject: "bob", scopes: [] } } },
    "consent",
  ],
  ["asks to sign in better when the context is not enough (Core §5.5.1.1)", { acr: "wanted" }, "login again"],
  ["goes on when the person did what they could (RFC 9470 §5)", { acr: "wanted", done: loggedIn("alice") }, "answer"],
  [
    "refuses when an essential context was not reached",
    { acr: "required", done: loggedIn("alice") },
    "unmet_authentication_requirements",
  ],
  ["with prompt=none a wish does not stand in the way", { ...prompt("none"), acr: "wanted" }, "answer"],
  ["with prompt=none a condition does", { ...prompt("none"), acr: "required" }, "login_required"],
  ["prompt=create goes to where accounts are made", { ...nobody, ...prompt("create") }, "create"],
  ["also when somebody is signed in already", prompt("create"), "create"],
  ["and goes on once they signed in", { ...prompt("create"), done: loggedIn("alice") }, "answer"],
  [
    "refuses for good after a no",
    { done: { denied: true, consent: { subject: "alice", scopes: [] } } },
    "access_denied",
  ],
  ["refuses after a no from somebody not signed in", { ...nobody, done: { denied: true } }, "access_denied"],

  ["none: answers without a question", prompt("none"), "answer"],
  ["none: nobody signed in", { ...nobody, ...prompt("none") }, "login_required"],
  ["none: consent missing", { ...prompt("none"), consented: false }, "consent_required"],
  [
    "none: signed in, but nobody is current",
    { session: undefined, accounts: 2, ...prompt("none") },
    "account_selection_required",
  ],
  ["none: signed in longer ago than max_age", { request: { prompt: ["none"], max_age: 300 } }, "login_required"],
  ["none: the hint names somebody else", { request: { prompt: ["none"], hint_subject: "bob" } }, "login_required"],
  ["none: the hint names who is there", { request: { prompt: ["none"], hint_subject: "alice" } }, "answer"],

  ["login: asks again", prompt("login"), "login again"],
  ["login: once", { ...prompt("login"), done: loggedIn("alice") }, "answer"],
  [
    "login: that somebody else signed in here does not count",
    { ...prompt("login"), done: { login: { at: now, subject: "bob" } } },
    "login again",
  ],
  ["max_age: young enough", { request: { prompt: [], max_age: 600 } }, "answer"],
  ["max_age: a second too old", { request: { prompt: [], max_age: 599 } }, "login again"],
  ["max_age=0 asks always", { session: session("alice", ago(0)), request: { prompt: [], max_age: 0 } }, "login again"],
  ["max_age=0: once", { request: { prompt: [], max_age: 0 }, done: loggedIn("alice") }, "answer"],

  ["consent: asks although it is remembered", prompt("consent"), "consent"],
  ["consent: once", { ...prompt("consent"), done: { consent: { subject: "alice", scopes: [] } } }, "answer"],
  ["login consent: first the one", prompt("login", "consent"), "login again"],
  ["login consent: then the other", { ...prompt("login", "consent"), done: loggedIn("alice") }, "consent"],

  ["select_account: asks", prompt("select_account"), "select_account"],
  ["select_account: once", { ...prompt("select_account"), done: { selected: { subject: "alice" } } }, "answer"],
  [
    "select_account: signing in is choosing",
    { ...prompt("select_account"), done: { login: { at: now, subject: "alice" } } },
    "answer",
  ],
  ["select_account: nobody to choose from", { ...nobody, ...prompt("select_account") }, "login"],
  ["select_account: another one must sign in", { ...prompt("select_account"), done: { selected: {} } }, "login"],
  [
    "select_account login: both",
    { ...prompt("select_account", "login"), done: { selected: { subject: "alice" } } },
    "login again",
  ],
  ["the chosen account is no longer the current one", { done: { selected: { subject: "bob" } } }, "login"],
  ["nobody is current, others are signed in", { session: undefined, accounts: 1 }, "select_account"],
  ["nobody is current, another one was wanted", { session: undefined, accounts: 1, done: { selected: {} } }, "login"],

  ["hint: somebody else is signed in", { request: { prompt: [], hint_subject: "bob" } }, "login again"],
  [
    "hint: the hinted person signed in",
    { request: { prompt: [], hint_subject: "alice" }, done: loggedIn("alice") },
    "answer",
  ],
  [
    "hint: somebody else signed in although asked",
    { request: { prompt: [], hint_subject: "bob" }, done: loggedIn("alice") },
    "login_required",
  ],
];

const short = (step: NextStep) =>
  step.step === "refuse" ? step.error : step.step === "login" && step.again ? "login again" : step.step;

describe("the next step of an authorization request (OpenID Connect Core §3.1.2.1)", () => {
  for (const [title, difference, expected] of table) {
    it(`${title}: ${expected}`, () => assert.equal(short(nextStep({ ...base, ...difference })), expected));
  }

  const subject = fc.constantFrom("alice", "bob");
  const situations = fc.record({
    request: fc.record(
      {
        prompt: fc.subarray(["none", "login", "consent", "select_account"]),
        max_age: fc.nat(1000),
        hint_subject: subject,
      },
      { requiredKeys: ["prompt"] },
    ),
    session: fc.option(fc.record({ subject, age: fc.nat(2000) }), { nil: undefined }),
    others: fc.nat(2),
    consented: fc.boolean(),
    acr: fc.constantFrom("met" as const, "wanted" as const, "required" as const),
    done: fc.record(
      {
        login: fc.record({ at: fc.constant(now), subject }),
        selected: fc.record({ subject }, { requiredKeys: [] }),
        consent: fc.record({ subject, scopes: fc.constant([]) }),
        denied: fc.boolean(),
      },
      { requiredKeys: [] },
    ),
  });
  const situationOf = ({
    session: who,
    others,
    ...rest
  }: typeof situations extends fc.Arbitrary<infer T> ? T : never): Situation => ({
    ...rest,
    session: who && session(who.subject, ago(who.age)),
    accounts: others + (who === undefined ? 0 : 1),
    now,
  });

  it("never asks anything with prompt=none", () => {
    fc.assert(
      fc.property(situations, (drawn) => {
        const situation = situationOf({ ...drawn, request: { ...drawn.request, prompt: ["none"] } });
        assert.match(
          short(nextStep(situation)),
          /^answer$|_required$|^access_denied$|^unmet_authentication_requirements$/,
        );
      }),
    );
  });

  it("answers only for somebody who is signed in, recently enough, as hinted, with consent, and never after a no", () => {
    fc.assert(
      fc.property(situations, (drawn) => {
        const situation = situationOf(drawn);
        const step = nextStep(situation);
        if (step.step !== "answer") return;
        const { request, done } = situation;
        assert.equal(step.session, situation.session);
        assert.ok(!done.denied);
        const here = done.login?.subject === step.session.subject;
        if (request.max_age !== undefined && !here) assert.ok(now / 1000 - step.session.auth_time <= request.max_age);
        if (request.hint_subject !== undefined) assert.equal(step.session.subject, request.hint_subject);
        if (request.prompt.includes("login")) assert.ok(here);
        assert.ok(situation.consented || done.consent?.subject === step.session.subject);
      }),
      { numRuns: 2000 },
    );
  });

  it("comes to an end: doing what is asked leads to an answer or a refusal within four steps", () => {
    fc.assert(
      fc.property(situations, subject, (drawn, who) => {
        let situation = situationOf(drawn);
        for (let count = 0; count < 5; count++) {
          const step = nextStep(situation);
          if (step.step === "answer" || step.step === "refuse") return;
          const signedIn = { session: session(who, now / 1000), accounts: situation.accounts + 1 };
          if (step.step === "login")
            situation = { ...situation, ...signedIn, done: { ...situation.done, ...loggedIn(who) } };
          if (step.step === "select_account") situation = { ...situation, done: { selected: {} } };
          if (step.step === "consent") {
            const consent = { subject: situation.session?.subject ?? "", scopes: [] };
            situation = { ...situation, done: { ...situation.done, consent } };
          }
        }
        assert.fail("still asking");
      }),
    );
  });
});
