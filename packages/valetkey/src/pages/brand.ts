/**
 * The accent colour, made readable: text on it and text in it keep a contrast of at least 4.5 : 1 (WCAG 2.2 §1.4.3).
 *
 * Guarantees this for any `#rrggbb`, in the light and the dark scheme, by darkening or lightening it as little as needed.
 */

type Rgb = readonly [number, number, number];

/** A colour to write with on a background, or to put text on. */
export interface Accent {
  readonly accent: string;
  readonly onAccent: string;
}

const white: Rgb = [255, 255, 255];
const black: Rgb = [0, 0, 0];
/** The lightest and darkest surfaces of `pages.css` that the accent is written on. */
const lightSurface: Rgb = [243, 244, 247];
const darkSurface: Rgb = [33, 38, 47];
const ink: Rgb = [14, 17, 22];

/** Works out both schemes of an accent colour. Anything but `#rrggbb` is a `TypeError`. */
export function accentSchemes(accent: string): { readonly light: Accent; readonly dark: Accent } {
  const colour = readColour(accent);
  return {
    light: { accent: writeColour(towards(colour, black, lightSurface)), onAccent: writeColour(white) },
    dark: { accent: writeColour(towards(colour, white, darkSurface)), onAccent: writeColour(ink) },
  };
}

/** Writes the style sheet that follows `pages.css` and sets its accent. */
export function brandStyles(accent: string): string {
  const { light, dark } = accentSchemes(accent);
  const rule = (colours: Accent): string => `:root { --accent: ${colours.accent}; --on-accent: ${colours.onAccent}; }`;
  return `${rule(light)}\n@media (prefers-color-scheme: dark) {\n  ${rule(dark)}\n}\n`;
}

/** Contrast of two `#rrggbb` colours, 1 to 21 (WCAG 2.2, contrast ratio). */
export function contrast(a: string, b: string): number {
  return ratio(readColour(a), readColour(b));
}

function towards(colour: Rgb, end: Rgb, surface: Rgb): Rgb {
  for (let part = 0; part < 1; part += 0.02) {
    const mixed = mix(colour, end, part);
    if (ratio(mixed, surface) >= 4.6) return mixed;
  }
  return end;
}

const mix = (from: Rgb, to: Rgb, part: number): Rgb => {
  const at = (index: 0 | 1 | 2): number => Math.round(from[index] + (to[index] - from[index]) * part);
  return [at(0), at(1), at(2)];
};

function ratio(a: Rgb, b: Rgb): number {
  const [dark = 0, light = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: Rgb): number {
  const [r, g, b] = colour.map((channel) => {
    const part = channel / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * (r ?? 0) + 0.7152 * (g ?? 0) + 0.0722 * (b ?? 0);
}

function readColour(text: string): Rgb {
  const [, r = "", g = "", b = ""] = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(text) ?? [];
  if (b === "") throw new TypeError("brand.accent must be a colour like #2456c8");
  return [Number.parseInt(r, 16), Number.parseInt(g, 16), Number.parseInt(b, 16)];
}

const writeColour = (colour: Rgb): string => `#${colour.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
