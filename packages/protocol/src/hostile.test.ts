import assert from "node:assert/strict";
import { test } from "node:test";
import { challenge, readBasic, readBearer } from "./authorization-header.ts";
import { readCookies } from "./cookie.ts";
import { fromBase64url } from "./digest.ts";
import { invalidGrant, OAuthError } from "./errors.ts";
import { parseForm, readForm } from "./form.ts";
import { decodeUnverified, JwtError } from "./jose.ts";
import { checkPublicJwk } from "./jwk.ts";
import { checkIssuer } from "./metadata.ts";
import { checkChallenge, isVerifier } from "./pkce.ts";
import { readHandle } from "./random.ts";
import { readJsonObject } from "./read-json.ts";
import { checkDisplayUri, checkRedirectUri, matchesRedirectUri } from "./redirect-uri.ts";
import { parseScope } from "./scope.ts";

const size = 100_000;
const fill = (unit: string, before = "", after = "") => before + unit.repeat(Math.ceil(size / unit.length)) + after;

/** Texts that make backtracking, repeated scanning or repeated concatenation show. */
const texts = [
  ...[
    "a",
    " ",
    "=",
    "&",
    ";",
    ",",
    "%",
    "%41",
    "+",
    "[",
    "]",
    "{",
    ":",
    "/",
    ".",
    "..",
    "-",
    "_",
    "@",
    "\\",
    '"',
    "é",
    "\ud800",
  ].map((unit) => fill(unit)),
  ...["a=", "a=1&", "&&", "=&", "a b ", "%%", "a;", "a=1; ", "[{", '"\\', '{"a":', ".a", "a@", ":@", "/../", "://"].map(
    (unit) => fill(unit),
  ),
  ...[
    fill(":", "http://["),
    fill("::", "http://[", "]"),
    fill("1:", "http://[", "]/"),
    fill("a.", "https://", "/"),
    fill("a@", "https://"),
    fill("9", "http://127.0.0.1:"),
  ],
  ...[
    fill("=", "Basic QQ"),
    fill("A", "Basic ", "!"),
    fill("=", "Bearer a", "!"),
    fill(" ", "Bearer ", "a b"),
    fill("a ", "Bearer "),
    fill(" ", "Bearer a"),
  ],
  ...[
    fill("a", "vk_code_"),
    fill("a", "https://rp.test/", "\n"),
    fill("a.", "", "\n"),
    fill("\\u005f", '{"', '":1}'),
    fill("__proto__", '{"', '":1}'),
  ],
];

const header = (name: string, value: string) =>
  new Request("https://as.test/", { headers: { [name]: value.replace(/[^\x20-\x7e]/g, "?") } });
const post = (body: string, type: string) =>
  new Request("https://as.test/", { method: "POST", headers: { "Content-Type": type }, body });
const form = "application/x-www-form-urlencoded";

const readers: Record<string, (text: string) => unknown> = {
  parseForm: (text) => parseForm(text),
  readForm: (text) => readForm(post(text, form), { limit: 1_000_000 }),
  contentType: (text) =>
    readForm(
      new Request("https://as.test/", { method: "POST", body: "a=1", headers: header("Content-Type", text).headers }),
    ),
  readJsonObject: (text) => readJsonObject(post(text, "application/json"), { limit: 1_000_000 }),
  readBasic,
  readBasicDecoded: (text) => readBasic(`Basic ${Buffer.from(text).toString("base64")}`),
  readBearer: (text) => readBearer(header("Authorization", text)),
  readCookies: (text) => readCookies(header("Cookie", text.slice(0, 32_000))),
  challenge: (text) => challenge("Bearer", { realm: text }),
  parseScope,
  checkChallenge: (text) => checkChallenge(text, "S256"),
  isVerifier,
  readHandle: (text) => readHandle(text, "code"),
  fromBase64url,
  checkRedirectUri: (text) => checkRedirectUri(text, { application_type: "native" }),
  matchesRedirectUri: (text) => matchesRedirectUri([text, "http://127.0.0.1/cb"], `${text}x`),
  checkDisplayUri: (text) => checkDisplayUri(text),
  checkIssuer: (text) => checkIssuer(text),
  decodeUnverified,
  decodeSegments: (text) => decodeUnverified(`${Buffer.from(text.slice(0, 20_000)).toString("base64url")}.e30.x`),
  checkPublicJwk: (text) => checkPublicJwk({ kty: "RSA", n: text, e: text, kid: text }),
  description: (text) => invalidGrant(text),
};

function cpuMilliseconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

test("100 KB of anything is read or refused in linear time, with a foreseen answer (DO-05)", async () => {
  for (const [name, read] of Object.entries(readers)) {
    for (const text of texts) {
      let best = Number.POSITIVE_INFINITY;
      // CPU of this thread, the least of several: the machine may be busy, a quadratic reader is slow every time.
      for (let round = 0; round < 8 && best > 50; round++) {
        const started = cpuMilliseconds();
        try {
          await read(text);
        } catch (e) {
          const foreseen =
            e instanceof OAuthError || e instanceof JwtError || (name === "checkIssuer" && e instanceof TypeError);
          assert.ok(foreseen, `${name} of ${text.slice(0, 20)}: ${String(e).slice(0, 200)}`);
        }
        best = Math.min(best, cpuMilliseconds() - started);
      }
      assert.ok(best <= 50, `${name} of ${text.slice(0, 20)} took ${best} ms`);
    }
  }
});
