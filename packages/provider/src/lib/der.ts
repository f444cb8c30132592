/**
 * Reads DER, the encoding of certificates (ITU-T X.690 §8 and §10): tag, length, contents.
 *
 * Guarantees that whatever is cut off, too long or encoded in a way we have no use for is a `DerError` and never a guess.
 */

/** Not the DER that was expected. */
export class DerError extends Error {
  override readonly name = "DerError";
}

/** One element. */
export interface Der {
  readonly tag: number;
  readonly body: Uint8Array<ArrayBuffer>;
  /** With tag and length. */
  readonly whole: Uint8Array<ArrayBuffer>;
}

export const sequence = 0x30;
export const set = 0x31;
export const oid = 0x06;
export const octetString = 0x04;

/** Reads elements one after the other to the end of the bytes. */
export function readElements(bytes: Uint8Array<ArrayBuffer>): Der[] {
  const elements: Der[] = [];
  for (let at = 0; at < bytes.length; ) {
    const element = readOne(bytes, at);
    elements.push(element);
    at += element.whole.length;
  }
  return elements;
}

/** Reads the elements in a constructed one, which must have this tag. */
export function childrenOf(element: Der | undefined, tag: number = sequence): Der[] {
  return readElements(bodyOf(element, tag));
}

/** Gives the contents of an element, which must have this tag. */
export function bodyOf(element: Der | undefined, tag: number): Uint8Array<ArrayBuffer> {
  if (element?.tag !== tag) throw new DerError("another kind of element was expected");
  return element.body;
}

/** Reads an object identifier: `2.5.4.3`. */
export function readOid(element: Der | undefined): string {
  const arcs: number[] = [];
  let value = 0;
  for (const byte of bodyOf(element, oid)) {
    value = value * 128 + (byte & 0x7f);
    if (value > Number.MAX_SAFE_INTEGER / 128) throw new DerError("an object identifier is too large");
    if (byte & 0x80) continue;
    if (arcs.length === 0)
      arcs.push(Math.min(2, Math.floor(value / 40)), value - 40 * Math.min(2, Math.floor(value / 40)));
    else arcs.push(value);
    value = 0;
  }
  return arcs.join(".");
}

function readOne(bytes: Uint8Array<ArrayBuffer>, at: number): Der {
  const tag = bytes[at] ?? 0;
  const first = bytes[at + 1];
  // Tags of more than one byte and lengths that are not known ahead do not occur in what is read here.
  if ((tag & 0x1f) === 0x1f || first === undefined || first === 0x80 || first > 0x83) throw new DerError("not DER");
  const extra = first > 0x80 ? first - 0x80 : 0;
  let length = extra === 0 ? first : 0;
  for (let index = 0; index < extra; index++) length = length * 256 + (bytes[at + 2 + index] ?? 0);
  const start = at + 2 + extra;
  if (start + length > bytes.length) throw new DerError("the encoding is cut off");
  return { tag, body: bytes.subarray(start, start + length), whole: bytes.subarray(at, start + length) };
}
