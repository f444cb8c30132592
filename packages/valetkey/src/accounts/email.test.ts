import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalEmail, readEmail } from "./email.ts";

test("spellings of one address have one canonical form", () => {
  for (const spelling of ["alice@example.org", "ALICE@Example.ORG", "  alice@example.org ", "ａｌｉｃｅ@example.org"])
    assert.equal(readEmail(spelling), "alice@example.org", spelling);
  assert.equal(readEmail("zoë@Bücher.example"), "zoë@xn--bcher-kva.example");
});

test("a local part that mixes alphabets, or hides characters, is refused", () => {
  for (const text of ["аlice@example.org", "al\u200bice@example.org", "al\u00adice@example.org", "αlice@example.org"])
    assert.equal(readEmail(text), undefined, JSON.stringify(text));
  assert.equal(readEmail("алиса@example.org"), "алиса@example.org");
});

test("what is no address is refused", () => {
  for (const text of [
    "",
    "@",
    "alice",
    "alice@",
    "@example.org",
    "a b@example.org",
    "alice@exa mple.org",
    "alice@example..org",
    "a..b@example.org",
    ".a@example.org",
    '"a"@example.org',
    "alice@-example.org",
    "alice\n@example.org",
    "\ud800@example.org",
    `${"a".repeat(65)}@example.org`,
    `a@${"a".repeat(64)}.org`,
  ])
    assert.equal(readEmail(text), undefined, JSON.stringify(text));
  assert.throws(() => canonicalEmail("nobody"), { code: "email_invalid" });
});

test("what is too long is refused before it is normalised, although a good address would come of it", () => {
  const padded = (length: number) => "alice@example.org".padStart(length, " ");
  assert.equal(readEmail(padded(320)), "alice@example.org");
  assert.equal(readEmail(padded(321)), undefined);
});

test("the canonical form of a canonical form is itself", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: "grapheme" }).map((text) => `${text}@example.org`),
        fc.emailAddress(),
      ),
      (text) => {
        const email = readEmail(text);
        if (email !== undefined) assert.equal(readEmail(email), email);
      },
    ),
  );
});
