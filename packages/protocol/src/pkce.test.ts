import assert from "node:assert/strict";
import { test } from "node:test";
import { isOAuthError } from "./errors.ts";
import { challengeOf, checkChallenge, createVerifier, isVerifier, verifyPkce } from "./pkce.ts";

// RFC 7636 Appendix B.
const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

test("the example of RFC 7636 Appendix B holds", async () => {
  assert.equal(await challengeOf(verifier), challenge);
  assert.equal(await verifyPkce(verifier, challenge), true);
  assert.doesNotThrow(() => checkChallenge(challenge, "S256"));
});

test("any other verifier fails, the challenge itself included (plain is not spoken)", async () => {
  for (const other of [challenge, `${verifier}x`, verifier.toLowerCase(), "", "x".repeat(43)]) {
    assert.equal(await verifyPkce(other, challenge), false, other);
  }
});

test("a verifier is 43 to 128 unreserved characters (RFC 7636 §4.1)", async () => {
  for (const length of [43, 128]) assert.equal(isVerifier("~".repeat(length)), true);
  for (const text of [
    "x".repeat(42),
    "x".repeat(129),
    `${"x".repeat(43)}+`,
    `${"x".repeat(43)}\n`,
    `${"x".repeat(43)}é`,
  ]) {
    assert.equal(isVerifier(text), false);
    assert.equal(await verifyPkce(text, await challengeOf(text)), false);
  }
});

test("a challenge is the base64url of 32 bytes and the method is S256 (RFC 7636 §4.2, RFC 9700 §2.1.1)", () => {
  const malformed = [
    "",
    challenge.slice(1),
    `${challenge}A`,
    `${challenge}=`,
    challenge.replace("-", "+"),
    ` ${challenge.slice(1)}`,
    "A".repeat(1_000_000),
  ];
  for (const text of [...malformed, `${challenge.slice(0, -1)}N`, undefined]) {
    assert.throws(
      () => checkChallenge(text, "S256"),
      (e) => isOAuthError(e, "invalid_request"),
      text?.slice(0, 50),
    );
  }
  for (const method of [undefined, "plain", "s256", "S512", ""]) {
    assert.throws(
      () => checkChallenge(challenge, method),
      (e) => isOAuthError(e, "invalid_request"),
      method,
    );
  }
});

test("created verifiers are well-formed and differ", () => {
  assert.equal(isVerifier(createVerifier()), true);
  assert.notEqual(createVerifier(), createVerifier());
});
