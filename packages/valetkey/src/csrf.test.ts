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
  assert.match(
    first.cookie,
    /^__Host-vk_browser_[\w-]{8}=[\w-]{43}; Path=\/; SameSite=Lax; Max-Age=\d+; Secure; HttpOnly$/,
  );
  assert.notEqual(first.pair, issued().pair);
  assert.match(
    issued(createCsrf({ secrets, origin: "http://localhost:4000" })).cookie,
    /^vk_browser_[\w-]{8}=[\w-]{43};(?!.*Secure)/,
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

test("two pages opened in a new browser at the same moment both work, and so do those opened after them", () => {
  const { csrf, token, pair } = issued();
  const second = issued(csrf);
  assert.notEqual(pair.split("=")[0], second.pair.split("=")[0], "no cookie takes the other's place");
  const both = page({ cookie: `${pair}; ${second.pair}`, "sec-fetch-site": "same-origin" });
  for (const form of [token, second.token]) assert.equal(csrf.refuses(both, parseForm(`csrf=${form}`)), undefined);
  assert.deepEqual(csrf.issue(both), { token, cookies: [] });
  // One of somebody else's is still nobody's here.
  assert.equal(csrf.refuses(both, parseForm(`csrf=${issued(csrf).token}`)), "token");
  assert.equal(csrf.refuses(page({ cookie: second.pair }), parseForm(`csrf=${token}`)), "token");
});

test("of very many cookies the oldest count, and the others are taken away: requests stay small", () => {
  const { csrf } = issued();
  const many = Array.from({ length: 20 }, () => issued(csrf));
  const request = page({ cookie: many.map(({ pair }) => pair).join("; ") });
  const verdicts = many.map(({ token }) => csrf.refuses(request, parseForm(`csrf=${token}`)));
  assert.deepEqual(verdicts, [...Array(8).fill(undefined), ...Array(12).fill("token")]);
  const { token, cookies } = csrf.issue(request);
  assert.equal(token, many[0]?.token);
  assert.deepEqual(
    cookies.map((line) => /^([^=]+)=;.*Max-Age=0/.exec(line)?.[1]),
    many.slice(8).map(({ pair }) => pair.split("=")[0]),
  );
});

test("a cookie of another form is none", () => {
  const { csrf, token, pair } = issued();
  const [name = "", value = ""] = pair.split("=");
  for (const bad of [`__Host-vk_browser=${value}`, `vk_browser_x=${value}`, `${name}=${value}x`, `${name}=`]) {
    assert.equal(csrf.refuses(page({ cookie: bad }), parseForm(`csrf=${token}`)), "no-cookie", bad);
  }
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
