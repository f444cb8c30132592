/**
 * Reads parameters from a form body or a query, the way OAuth wants them.
 *
 * RFC 6749 §3.1, §3.2 and Appendix B, RFC 8707 §2 (the one parameter that may repeat), WHATWG URL §5.1.
 * Guarantees that a name has one value: a repeated parameter is `invalid_request`, never first or last wins.
 */
import { contentTooLarge, invalidRequest, unsupportedMediaType } from "./errors.ts";
import { decodeUtf8, hasContentEncoding, readBytes, utf8MediaType } from "./lib/read-body.ts";

const repeated: unique symbol = Symbol("values of repeatable parameters");

/**
 * Parameters by name, on an object without prototype: `form.grant_type` is a string or nothing, and `__proto__`,
 * `constructor` or `a[]` are names like any other. Parameters read as repeatable are not here: see `formValues`.
 */
export interface Form {
  readonly [name: string]: string | undefined;
  readonly [repeated]?: Readonly<Record<string, readonly string[]>>;
}

/** How to read parameters. */
export interface FormOptions {
  /** Names that may occur several times, e.g. `["resource"]`. They are read with `formValues` only. */
  readonly repeatable?: readonly string[];
}

const maxParameters = 200;

/**
 * Reads the form in a request's body. A missing body is an empty form.
 * Refuses as `invalid_request`: another media type, charset or a content encoding (415), more than `limit` bytes (413, default
 * 65536), text that is not UTF-8, a repeated parameter, more than 200 parameters.
 */
export async function readForm(
  request: Request,
  options: FormOptions & { readonly limit?: number } = {},
): Promise<Form> {
  const { limit = 65536 } = options;
  const type = utf8MediaType(request.headers);
  if (type === "" && request.body === null) return parseForm("", options);
  if (type !== "application/x-www-form-urlencoded") {
    throw unsupportedMediaType("the body must be application/x-www-form-urlencoded in UTF-8");
  }
  // A compressed body could unpack to any size: it is not unpacked.
  if (hasContentEncoding(request.headers)) throw unsupportedMediaType("the body must not be compressed");
  const bytes = await readBytes(request, limit, { tooLarge: contentTooLarge, broken: invalidRequest });
  const text = decodeUtf8(bytes);
  if (text === undefined) throw invalidRequest("the body is not UTF-8");
  return parseForm(text, options);
}

/** Reads the query of a URL by the same rules as a form. */
export function readQuery(url: URL, options: FormOptions = {}): Form {
  return parseForm(url.search.slice(1), options);
}

/** Parses `a=1&b=2`. Refuses as `invalid_request` what cannot be decoded, what is repeated, and more than 200 parameters. */
export function parseForm(text: string, options: FormOptions = {}): Form {
  const form: Record<string, string> = Object.create(null);
  const lists: Record<string, string[]> = Object.create(null);
  const seen = new Set<string>();
  let count = 0;
  for (const pair of text.split("&")) {
    if (pair === "") continue;
    if (++count > maxParameters) throw invalidRequest(`there are more than ${maxParameters} parameters`);
    const equals = pair.indexOf("=");
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    const value = equals < 0 ? "" : decode(pair.slice(equals + 1));
    const mayRepeat = options.repeatable?.includes(name) === true;
    // §3.1: parameters must not be included more than once. An empty one counts here: it is still a second opinion.
    if (seen.has(name) && !mayRepeat) throw invalidRequest(`the parameter ${printable(name)} is repeated`);
    seen.add(name);
    // §3.1: a parameter sent without a value is treated as if it were omitted.
    if (value === "") continue;
    if (!mayRepeat) form[name] = value;
    else if (lists[name] === undefined) lists[name] = [value];
    else lists[name].push(value);
  }
  return Object.assign(form, { [repeated]: lists }) as Form;
}

/** Lists the values of a parameter: several only if it was read as repeatable, none if it is absent. */
export function formValues(form: Form, name: string): readonly string[] {
  const value = form[name];
  return form[repeated]?.[name] ?? (value === undefined ? [] : [value]);
}

/**
 * Writes parameters as `application/x-www-form-urlencoded`. Absent ones are left out, an array repeats its name.
 * A `Form` is written with its repeatable parameters, so that `parseForm` with the same options reads it back.
 */
export function encodeForm(record: Form | Readonly<Record<string, string | readonly string[] | undefined>>): string {
  const pairs = new URLSearchParams();
  const lists = (record as Form)[repeated] ?? {};
  for (const [name, value] of [...Object.entries(record), ...Object.entries(lists)]) {
    if (typeof value === "string") pairs.append(name, value);
    else for (const one of value ?? []) pairs.append(name, one);
  }
  return pairs.toString();
}

// Strict where WHATWG is lenient: a stray % or bytes that are not UTF-8 are a mistake, not text. NUL is refused because
// databases refuse it.
function decode(text: string): string {
  if (/^[\w.~:/-]*$/.test(text)) return text;
  try {
    const decoded = decodeURIComponent(text.replaceAll("+", " "));
    if (!decoded.includes("\0")) return decoded;
  } catch {
    // falls through to the one answer
  }
  throw invalidRequest("a parameter is not form-encoded UTF-8");
}

const printable = (name: string): string => (/^[\w.-]{1,64}$/.test(name) ? name : "(unprintable)");
