/**
 * Builds a value from JSON text without the one member that a later copy by assignment would turn into a prototype.
 *
 * RFC 8259, CWE-1321. Guarantees that nothing it returns has an own member `__proto__`, at any depth and in any spelling.
 */

/** Parses JSON text; what is none is the parser's `SyntaxError`, which quotes the text: do not pass it on. */
export function parseWithoutProto(text: string): unknown {
  // JSON.parse makes `__proto__` an own member. Any letter of it may be an escape.
  return /__proto__|\\u00/i.test(text) ? JSON.parse(text, dropProto) : JSON.parse(text);
}

const dropProto = (name: string, value: unknown): unknown => (name === "__proto__" ? undefined : value);
