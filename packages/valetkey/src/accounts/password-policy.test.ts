import assert from "node:assert/strict";
import { test } from "node:test";
import { checkPassword } from "./password-policy.ts";

const context = ["robin.hood@sherwood.example", "Robin Hood"];

test("too short, too common, repeated or derived from the person: refused (ASVS 6.2)", () => {
  for (const password of [
    "1234567",
    "pässwö1",
    "12345678",
    "87654321",
    "password",
    "Password1!",
    "P@ssw0rd",
    "passw0rd123",
    "iloveyou2",
    "qwertyuiop",
    "1qaz2wsx",
    "1q2w3e4r5t",
    "aaaaaaaaaa",
    "abcabcabcabc",
    "sunshine1",
    "football99",
    "trustno1",
    "letmein!!",
    "robinhood",
    "RobinHood1",
    "sherwood12",
    "valetkey1",
    "valetkeyvaletkey",
    "x".repeat(1025),
    "\u{1f600}".repeat(1025),
  ])
    assert.throws(() => checkPassword(password, context), { code: "password_weak" }, password);
});

test("anything else is taken: long, with spaces, of one kind of character, in any writing", () => {
  for (const password of [
    "correct horse battery staple",
    "mrs dalloway bought",
    "kqzvwyxplm",
    "4815162342108",
    "пароль-на-лето",
    "x7#k2Lq9",
    "so\0long and thanks",
    "a".repeat(10).concat("the rest of a very long one".repeat(9)),
    "\u{1f600}\u{1f680}\u{1f4a1}\u{1f9e9}\u{1f3b2}\u{1f419}\u{1f30b}\u{1f6f8}",
  ])
    assert.doesNotThrow(() => checkPassword(password, context), password);
});
