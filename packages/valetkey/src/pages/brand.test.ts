import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { accentSchemes, brandStyles, contrast } from "./brand.ts";

test("whatever accent is configured, text on it and in it has a contrast of at least 4.5 : 1 (WCAG 2.2 §1.4.3)", () => {
  const colour = fc.integer({ min: 0, max: 0xffffff }).map((value) => `#${value.toString(16).padStart(6, "0")}`);
  fc.assert(
    fc.property(colour, (accent) => {
      const { light, dark } = accentSchemes(accent);
      for (const surface of ["#ffffff", "#f3f4f7", "#eff2f8"]) assert.ok(contrast(light.accent, surface) >= 4.5);
      for (const surface of ["#101318", "#1a1e25", "#21262f"]) assert.ok(contrast(dark.accent, surface) >= 4.5);
      assert.ok(contrast(light.accent, light.onAccent) >= 4.5);
      assert.ok(contrast(dark.accent, dark.onAccent) >= 4.5);
    }),
  );
});

test("an accent that reads well stays as it is, and anything but #rrggbb is refused", () => {
  assert.equal(accentSchemes("#2456c8").light.accent, "#2456c8");
  for (const wrong of ["red", "#fff", "#2456c8;} body{display:none", ""])
    assert.throws(() => brandStyles(wrong), TypeError);
});
