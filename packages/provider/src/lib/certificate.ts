/**
 * What client authentication reads in a certificate: whose it is, its alternative names, when it counts, and its key.
 *
 * RFC 5280 §4.1 and §4.2.1.6. Guarantees that nothing of a certificate that cannot be read whole is believed. Who signed it, and
 * whether that authority is to be trusted, is found out where the connection ends, not here.
 */
import type { Bytes } from "@valetkey/protocol/digest";
import { bodyOf, childrenOf, type Der, DerError, octetString, readElements, readOid, set } from "./der.ts";

/** One attribute of a name: `{ type: "2.5.4.3", value: "…" }`. */
export interface Attribute {
  /** Object identifier. */
  readonly type: string;
  /** As text; nothing for what is no text. */
  readonly value?: string;
  /** The value as DER, in hexadecimal. */
  readonly encoded: string;
}

/** A distinguished name from its root down; each level has one attribute or, rarely, several. */
export type DistinguishedName = readonly (readonly Attribute[])[];

export interface Certificate {
  readonly subject: DistinguishedName;
  readonly dns: readonly string[];
  readonly uri: readonly string[];
  readonly email: readonly string[];
  /** In the spelling of `canonicalIp`. */
  readonly ip: readonly string[];
  /** Milliseconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Bytes;
}

/** Reads a certificate given as DER in base64; nothing if it cannot be read. */
export function readCertificate(base64: string): Certificate | undefined {
  try {
    return read(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
  } catch (error) {
    if (error instanceof DerError || error instanceof TypeError || error instanceof DOMException) return undefined;
    throw error;
  }
}

/** Spells an IP address the one way (RFC 5952); nothing if it is none. */
export function canonicalIp(text: string): string | undefined {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) {
    const numbers = text.split(".").map(Number);
    return numbers.every((one) => one < 256) ? numbers.join(".") : undefined;
  }
  if (!text.includes(":") || !/^[\da-f:.]+$/i.test(text) || !URL.canParse(`http://[${text}]`)) return undefined;
  return new URL(`http://[${text}]`).hostname.slice(1, -1);
}

function read(der: Bytes): Certificate {
  const [certificate, ...more] = readElements(der);
  const [body] = childrenOf(certificate);
  const fields = childrenOf(body);
  if (more.length > 0) throw new DerError("there is more than a certificate");
  // [0] is the version; certificates of the first version have none.
  if (fields[0]?.tag === 0xa0) fields.shift();
  const [, , , validity, subject, key, ...rest] = fields;
  const [from, to] = childrenOf(validity);
  const extensions = rest.find(({ tag }) => tag === 0xa3);
  if (key === undefined) throw new DerError("there is no key");
  return {
    subject: childrenOf(subject).map((level) => childrenOf(level, set).map(readAttribute)),
    notBefore: readTime(from),
    notAfter: readTime(to),
    publicKey: key.whole,
    ...alternativeNames(extensions),
  };
}

function readAttribute(element: Der): Attribute {
  const [type, value] = childrenOf(element);
  if (value === undefined) throw new DerError("an attribute has no value");
  const text = readText(value);
  return { type: readOid(type), ...(text === undefined ? {} : { value: text }), encoded: hex(value.whole) };
}

/** The string types of RFC 5280 §4.1.2.4. */
function readText({ tag, body }: Der): string | undefined {
  if (tag === 12) return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
  if (tag === 30) return new TextDecoder("utf-16be", { fatal: true, ignoreBOM: true }).decode(body);
  // Numeric, printable and IA5 strings are ASCII; what is not, is no text to us.
  return [18, 19, 22].includes(tag) ? ascii(body) : undefined;
}

function ascii(bytes: Uint8Array): string | undefined {
  return bytes.every((byte) => byte < 128) ? String.fromCharCode(...bytes) : undefined;
}

/** §4.1.2.5: two digits of a year are 1950 to 2049. */
function readTime(element: Der | undefined): number {
  const text = element === undefined ? "" : (ascii(element.body) ?? "");
  const short = element?.tag === 23 ? `${Number(text.slice(0, 2)) < 50 ? "20" : "19"}${text}` : text;
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(element?.tag === 23 || element?.tag === 24 ? short : "") ?? [];
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(time)) throw new DerError("not a time");
  return time;
}

/** §4.2.1.6: of the kinds of names those that RFC 8705 §2.1.2 uses. */
function alternativeNames(extensions: Der | undefined): Pick<Certificate, "dns" | "uri" | "email" | "ip"> {
  const [list] = extensions === undefined ? [] : readElements(extensions.body);
  const found = (list === undefined ? [] : childrenOf(list))
    .map((extension) => childrenOf(extension))
    .find(([id]) => readOid(id) === "2.5.29.17");
  const [names] = found === undefined ? [] : readElements(bodyOf(found.at(-1), octetString));
  const all = names === undefined ? [] : childrenOf(names);
  const texts = (tag: number) =>
    all.flatMap((name) => (name.tag === tag ? [ascii(name.body)] : [])).filter((one) => one !== undefined);
  return {
    email: texts(0x81),
    dns: texts(0x82),
    uri: texts(0x86),
    ip: all.flatMap(({ tag, body }) => (tag === 0x87 ? [ipOf(body)] : [])).filter((one) => one !== undefined),
  };
}

function ipOf(bytes: Uint8Array): string | undefined {
  if (bytes.length === 4) return bytes.join(".");
  return bytes.length === 16 ? canonicalIp(hex(bytes).replace(/(.{4})(?=.)/g, "$1:")) : undefined;
}

const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
