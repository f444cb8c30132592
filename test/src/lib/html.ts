/**
 * Reads the forms of a page, as far as a browser without scripts needs them (HTML Living Standard §4.10.22).
 *
 * A scanner for tags and attributes, not a parser of documents: our pages are well-formed, and a page that is not makes a
 * test fail.
 */

export interface Tag {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Text up to the end tag, without inner tags; for `button`, `textarea`, `title`, `h1`, `a` and the like. */
  readonly text: string;
}

export interface FormOfPage {
  readonly action: string;
  readonly method: "get" | "post";
  readonly id?: string;
  /** Inputs, buttons, selects and text areas in order. */
  readonly controls: readonly Tag[];
}

const pattern = /<!--[\s\S]*?-->|<(\/?)([a-zA-Z][a-zA-Z0-9-]*)((?:[^>"']|"[^"]*"|'[^']*')*)>/g;

/** Lists every start tag of a page in order. */
export function tagsOf(html: string): (Tag & { readonly closing: boolean })[] {
  const tags: (Tag & { closing: boolean })[] = [];
  for (const match of html.matchAll(pattern)) {
    const name = match[2]?.toLowerCase();
    if (name === undefined) continue;
    const rest = html.slice((match.index ?? 0) + match[0].length);
    const end = rest.search(new RegExp(`</${name}\\b`, "i"));
    const text = match[1] === "/" || end < 0 ? "" : decode(rest.slice(0, end).replaceAll(/<[^>]*>/g, "")).trim();
    tags.push({ name, attributes: attributesOf(match[3] ?? ""), text, closing: match[1] === "/" });
  }
  return tags;
}

/** Finds the first element with this id. */
export function byId(html: string, id: string): Tag | undefined {
  return tagsOf(html).find((tag) => !tag.closing && tag.attributes.id === id);
}

/** Lists the forms of a page with their controls. */
export function formsOf(html: string): FormOfPage[] {
  const forms: (FormOfPage & { controls: Tag[] })[] = [];
  const loose: Tag[] = [];
  let open: (FormOfPage & { controls: Tag[] }) | undefined;
  for (const tag of tagsOf(html)) {
    if (tag.name === "form" && tag.closing) open = undefined;
    else if (tag.name === "form") {
      const { action = "", method = "get", id } = tag.attributes;
      open = {
        action,
        method: method.toLowerCase() === "post" ? "post" : "get",
        controls: [],
        ...(id === undefined ? {} : { id }),
      };
      forms.push(open);
    } else if (!tag.closing && ["input", "button", "select", "textarea"].includes(tag.name)) {
      if (tag.attributes.form !== undefined) loose.push(tag);
      else open?.controls.push(tag);
    }
  }
  for (const tag of loose) forms.find((form) => form.id === tag.attributes.form)?.controls.push(tag);
  return forms;
}

/** The text people see, roughly: without tags, scripts and styles. */
export function textOf(html: string): string {
  return decode(html.replaceAll(/<(script|style|head)\b[\s\S]*?<\/\1>/gi, " ").replaceAll(/<[^>]*>/g, " ")).replaceAll(
    /\s+/g,
    " ",
  );
}

function attributesOf(text: string): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const match of text.matchAll(/([^\s=/"'>]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g)) {
    const name = match[1]?.toLowerCase();
    if (name !== undefined) attributes[name] ??= decode(match[2] ?? match[3] ?? match[4] ?? "");
  }
  return attributes;
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0" };

function decode(text: string): string {
  return text.replaceAll(/&(#x[0-9a-f]+|#[0-9]+|[a-z]+);/gi, (whole, name: string) => {
    if (/^#x/i.test(name)) return String.fromCodePoint(Number.parseInt(name.slice(2), 16));
    if (name.startsWith("#")) return String.fromCodePoint(Number.parseInt(name.slice(1), 10));
    return entities[name.toLowerCase()] ?? whole;
  });
}
