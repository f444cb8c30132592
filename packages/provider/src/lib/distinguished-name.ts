/**
 * Reads distinguished names as text and compares them with those in certificates (RFC 4514 §2 and §3, RFC 8705 §2.1.2).
 *
 * Guarantees that a name is compared attribute by attribute and never as text: how a certificate's maker spells it, or what
 * commas and quotes they put into a value, makes nobody somebody else.
 */
import type { DistinguishedName } from "./certificate.ts";

/** An attribute as it was written: its value as text, or as DER in hexadecimal. */
interface Written {
  readonly type: string;
  readonly value: string;
  readonly isEncoded: boolean;
}

/** RFC 4514 §3, RFC 4519 §2, and what certificates of organizations have besides. */
const types: Readonly<Record<string, string>> = {
  cn: "2.5.4.3",
  sn: "2.5.4.4",
  serialnumber: "2.5.4.5",
  c: "2.5.4.6",
  l: "2.5.4.7",
  st: "2.5.4.8",
  street: "2.5.4.9",
  o: "2.5.4.10",
  ou: "2.5.4.11",
  title: "2.5.4.12",
  businesscategory: "2.5.4.15",
  postalcode: "2.5.4.17",
  givenname: "2.5.4.42",
  organizationidentifier: "2.5.4.97",
  dc: "0.9.2342.19200300.100.1.25",
  uid: "0.9.2342.19200300.100.1.1",
  emailaddress: "1.2.840.113549.1.9.1",
  jurisdictioncountryname: "1.3.6.1.4.1.311.60.2.1.3",
};

/** Tells whether a text is a distinguished name that can be compared. */
export const isDistinguishedName = (text: string): boolean => parse(text) !== undefined;

/** Tells whether the name in a certificate is the one that was written down. */
export function isNamed(subject: DistinguishedName, text: string): boolean {
  // RFC 4514 §2.1: the text begins with the last element.
  const written = parse(text)?.reverse();
  if (written === undefined || written.length !== subject.length) return false;
  return subject.every((level, at) => {
    const expected = written[at] ?? [];
    if (level.length !== expected.length) return false;
    return expected.every((one) =>
      level.some(({ type, value, encoded }) => type === one.type && (one.isEncoded ? encoded : value) === one.value),
    );
  });
}

function parse(text: string): Written[][] | undefined {
  const levels = split(text, ",").map((level) => split(level, "+").map(readAttribute));
  return levels.every((level): level is Written[] => level.every((one) => one !== undefined)) ? levels : undefined;
}

/** Cuts at a character that is not escaped. */
function split(text: string, at: "," | "+"): string[] {
  const parts = [""];
  for (const [piece] of text.matchAll(/\\.|[^\\]|\\$/gsu)) {
    if (piece === at) parts.push("");
    else parts[parts.length - 1] += piece;
  }
  return parts;
}

function readAttribute(text: string): Written | undefined {
  const equals = text.indexOf("=");
  const name = text.slice(0, equals).trim().toLowerCase();
  const type = /^[012](\.\d+)+$/.test(name) ? name : Object.hasOwn(types, name) ? types[name] : undefined;
  if (equals < 1 || type === undefined) return undefined;
  // Blanks around a value are not part of it unless they are escaped.
  const raw = text
    .slice(equals + 1)
    .replace(/^ +/, "")
    .replace(/((?:^|[^\\])(?:\\\\)*(?:\\ )?) +$/, "$1");
  if (raw.startsWith("#"))
    return /^#([\da-f]{2})+$/i.test(raw) ? { type, value: raw.slice(1).toLowerCase(), isEncoded: true } : undefined;
  const value = unescaped(raw);
  return value === undefined || value === "" ? undefined : { type, value, isEncoded: false };
}

/** §3: `\,` is a comma, `\C4\8D` two bytes of UTF-8; what has a meaning of its own must be escaped. */
function unescaped(text: string): string | undefined {
  if (!/^([^\\"+,;<>\0]|\\[ "#+,;<=>\\]|\\[\da-f]{2})*$/iu.test(text)) return undefined;
  try {
    return decodeURIComponent(
      text.replace(/\\([\da-f]{2})|\\(.)|([^\\])/giu, (_, byte, escaped, plain) =>
        byte === undefined ? encodeURIComponent(escaped ?? plain) : `%${byte}`,
      ),
    );
  } catch {
    return undefined;
  }
}
