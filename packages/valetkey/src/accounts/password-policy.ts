/**
 * Which new passwords are taken: long enough, not among the first an attacker tries, not made of what is known anyway.
 *
 * OWASP ASVS 6.2.1 to 6.2.12, NIST SP 800-63B §3.1.1.2: no rules about kinds of characters, no upper limit people meet.
 * The one property: nothing here changes a password; it is taken whole or refused with the reason.
 */
import { commonSequences, commonWords } from "./common-passwords.ts";
import { DirectoryError } from "./directory.ts";
import { isHashable, longestPassword } from "./password.ts";

const shortest = 8;
const longest = 1_024;

/** How many characters around a common word or a known name still leave it easily guessed. */
const decoration = 4;

/** Checks a new password. `context`: words an attacker knows: name, e-mail. Throws `DirectoryError` `password_weak`. */
export function checkPassword(password: string, context: readonly string[]): void {
  if (!isHashable(password)) throw weak(`is too long: at most ${longestPassword} bytes`);
  const length = [...password].length;
  if (length < shortest) throw weak(`is too short: at least ${shortest} characters`);
  if (length > longest) throw weak(`is too long: at most ${longest} characters`);
  const plain = password.normalize("NFKC").toLowerCase();
  if (isCommon(plain)) throw weak("is one of those that are tried first");
  if (isRepetition(plain)) throw weak("repeats itself");
  for (const word of contextWords(context)) {
    if (word.length >= 3 && plain.includes(word) && plain.replaceAll(word, "").length <= decoration)
      throw weak("is made of your name or address, or of ours");
  }
}

function isCommon(plain: string): boolean {
  if (commonSequences.some((row) => row.includes(plain) || reversed(row).includes(plain))) return true;
  const spelled = withoutDigitsForLetters(plain);
  return [plain, spelled, reversed(plain)].some((text) => isDecoratedWord(text));
}

/** `password`, `Password1!`, `123football`, `sunshinesunshine`, `iloveyou2`: a listed word and a few characters. */
function isDecoratedWord(text: string): boolean {
  if (commonWords.has(text)) return true;
  const core = text.replace(/^[^a-z]+/, "").replace(/[^a-z]+$/, "");
  return commonWords.has(core) && text.length - core.length <= decoration;
}

function withoutDigitsForLetters(text: string): string {
  const letters: Readonly<Record<string, string>> = { "0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t" };
  const signs: Readonly<Record<string, string>> = { "@": "a", $: "s", "!": "i" };
  // A tail of digits is decoration, not letters in disguise.
  const tail = /[^a-z]*$/.exec(text)?.[0] ?? "";
  const body = text.slice(0, text.length - tail.length);
  return body.replace(/[013457@$!]/g, (sign) => letters[sign] ?? signs[sign] ?? sign) + tail;
}

/** One to four characters over and over: `aaaaaaaa`, `abcabcabc`, `12341234`. */
function isRepetition(plain: string): boolean {
  return /^(.{1,4})\1+.{0,3}$/su.test(plain) && new Set(plain).size <= 5;
}

function contextWords(context: readonly string[]): string[] {
  const texts = [...context, "valetkey"].map((text) => text.normalize("NFKC").toLowerCase());
  const parts = texts.flatMap((text) => {
    const local = text.replace(/@.*$/, "");
    return [text, local, local.replace(/[\s._+-]+/g, ""), ...text.split(/[\s@._+-]+/)];
  });
  // Longer words first, so that a whole name counts before its parts.
  return [...new Set(parts)].sort((a, b) => b.length - a.length);
}

function reversed(text: string): string {
  return [...text].reverse().join("");
}

function weak(what: string): DirectoryError {
  return new DirectoryError("password_weak", `This password ${what}. Choose another one.`);
}
