/**
 * Style sheets, the script and the icon, served under names that carry their content's hash.
 *
 * RFC 9111 §5.2.2 and RFC 8246 (immutable). Guarantees that a name is served with exactly the bytes it was made from.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { brandStyles } from "./brand.ts";

export type AssetName = "pages.css" | "brand.css" | "form.js" | "icon.svg";

export interface Assets {
  /** Path of an asset, as pages link to it. */
  readonly paths: Readonly<Record<AssetName, string>>;
  /** Answers for a file name under `/assets/`. */
  find(file: string): Response | undefined;
}

const types: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};
const folder = new URL("../../assets/", import.meta.url);

/** Reads the files once. `base` is the issuer's path. */
export async function loadAssets(base: string, accent: string): Promise<Assets> {
  const fromFile = (name: string): Promise<string> => readFile(new URL(name, folder), "utf8");
  const texts: Record<AssetName, string> = {
    // Three files to edit, one to load.
    "pages.css": (await Promise.all(["pages.css", "controls.css", "account.css"].map(fromFile))).join("\n"),
    "brand.css": brandStyles(accent),
    "form.js": await fromFile("form.js"),
    "icon.svg": await fromFile("icon.svg"),
  };
  const files = new Map<string, { readonly text: string; readonly type: string }>();
  const pathOf = (name: AssetName): string => {
    const [stem = "", extension = ""] = name.split(".");
    const hash = createHash("sha256").update(texts[name]).digest("hex").slice(0, 16);
    const file = `${stem}.${hash}.${extension}`;
    files.set(file, { text: texts[name], type: types[extension] ?? "application/octet-stream" });
    return `${base}/assets/${file}`;
  };
  const paths = {
    "pages.css": pathOf("pages.css"),
    "brand.css": pathOf("brand.css"),
    "form.js": pathOf("form.js"),
    "icon.svg": pathOf("icon.svg"),
  };
  return {
    paths,
    find(file) {
      const found = files.get(file);
      if (found === undefined) return undefined;
      return new Response(found.text, {
        headers: {
          "Content-Type": found.type,
          "Cache-Control": "public, max-age=31536000, immutable",
          "X-Content-Type-Options": "nosniff",
          "Cross-Origin-Resource-Policy": "same-origin",
          // The icon is an image, never a page with scripts of its own.
          "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
        },
      });
    },
  };
}
