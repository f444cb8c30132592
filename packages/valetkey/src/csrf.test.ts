import assert from "node:assert/strict";
import { test } from "node:test";
import { parseForm } from "@valetkey/protocol/form";
import { createCsrf } from "./csrf.ts";

const secrets = ["one secret of more than thirty-two characters"];
const page = (headers: Record<string, string> = {}) => new Request("https://id.example/login", { headers });

function issued(csrf = createCsrf({ secrets, origin: "https://id.example" })) {
  const { token, cookies } = csrf.issue(page());
  const [cookie = ""] = cookies;
  return { csrf, token, cookie, pair: cookie.split(";")[0] ?? "" };
}

test("the browser cookie is __Host-, Secure, HttpOnly, Lax and random (ASVS 3.3)", () => {
  const first = issued();
  assert.match(first.cookie, /^__Host-vk_browser=[\w-]{43}; Path=\/; SameSite=Lax; Max-Age=\d+; Secure; HttpOnly$/);
  assert.notEqual(first.pair, issued().pair);
  assert.match(
    issued(createCsrf({ secrets, origin: "http://localhost:4000" })).cookie,
    /^vk_browser=[\w-]{43};(?!.*Secure)/,
  );
});

test("a form counts with the token of this very browser, and a browser that has a cookie keeps it", () => {
  const { csrf, token, pair } = issued();
  assert.equal(
    csrf.refuses(page({ cookie: pair, "sec-fetch-site": "same-origin" }), parseForm(`csrf=${token}`)),
    undefined,
  );
  assert.equal(
    csrf.refuses(page({ cookie: pair }), parseForm(`csrf=${token}`)),
    undefined,
    "browsers without Fetch Metadata",
  );
  assert.deepEqual(csrf.issue(page({ cookie: pair })), { token, cookies: [] });
});

test("a form is refused without token, with another browser's, without cookie, and from any other site", () => {
  const { csrf, token, pair } = issued();
  const other = issued(csrf);
  assert.equal(csrf.refuses(page({ cookie: pair }), parseForm("")), "token");
  assert.equal(csrf.refuses(page({ cookie: pair }), parseForm(`csrf=${other.token}`)), "token");
  assert.equal(csrf.refuses(page({ cookie: pair }), parseForm(`csrf=${token}x`)), "token");
  assert.equal(csrf.refuses(page(), parseForm(`csrf=${token}`)), "no-cookie");
  for (const site of ["cross-site", "same-site", "nonsense"]) {
    const request = page({ cookie: pair, "sec-fetch-site": site });
    assert.equal(csrf.refuses(request, parseForm(`csrf=${token}`)), "cross-site");
  }
  // Browsers without Fetch Metadata say where a form comes from by Origin.
  const form = parseForm(`csrf=${token}`);
  assert.equal(csrf.refuses(page({ cookie: pair, origin: "https://evil.example" }), form), "cross-site");
  assert.equal(csrf.refuses(page({ cookie: pair, origin: "https://id.example" }), form), undefined);
  assert.equal(csrf.refuses(page({ cookie: pair, origin: "null" }), form), undefined);
});

test("after the secret was rotated, forms that are still open count, and under another server's they do not", () => {
  const { token, pair } = issued();
  const form = parseForm(`csrf=${token}`);
  const rotated = createCsrf({
    secrets: ["a new secret of more than thirty-two characters", ...secrets],
    origin: "https://id.example",
  });
  assert.equal(rotated.refuses(page({ cookie: pair }), form), undefined);
  const foreign = createCsrf({
    secrets: ["a new secret of more than thirty-two characters"],
    origin: "https://id.example",
  });
  assert.equal(foreign.refuses(page({ cookie: pair }), form), "token");
});
