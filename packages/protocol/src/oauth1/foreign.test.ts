/**
 * Base strings and signatures of random hostile requests, compared with oauthlib's, byte for byte.
 * Needs Debian's python3-oauthlib and what it signs RSA with (python3-jwt, python3-cryptography).
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { resolve } from "node:path";
import { test } from "node:test";
import { python, skipWithout } from "@valetkey/test-support/python";
import fc from "fast-check";
import type { Jwk } from "../jwk.ts";
import { baseString } from "./base-string.ts";
import { oauthHeader, parsePairs, percentEncode, readOAuthHeader } from "./parameters.ts";
import { type SignatureMethod, sign } from "./signature.ts";

const script = resolve(import.meta.dirname, "../../src/oauth1/oauthlib-signatures.py");

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly body: string;
  readonly header: string;
  readonly signature_method: SignatureMethod;
  readonly client_secret: string;
  readonly token_secret: string;
  readonly rsa_key: string;
}

function askOauthlib(
  requests: readonly Asked[],
): { base: string; signature: string; header: Record<string, string> }[] {
  const run = spawnSync(python, [script], { input: JSON.stringify(requests), maxBuffer: 2 ** 28 });
  const problem = run.error?.message ?? run.stderr?.toString();
  assert.equal(run.status, 0, `oauthlib did not answer (apt-get install python3-oauthlib python3-jwt):\n${problem}`);
  return JSON.parse(run.stdout.toString());
}

// Not every way of writing a character is known to oauthlib: raw ones outside RFC 3986 it refuses.
const character = fc.oneof(
  fc.constantFrom(..."abzAZ019-._~"),
  fc.constantFrom(..."&=+%;~ !*'()/?#[]@,:$\"<>\\^`{|}\t\n\r\0\x7f"),
  fc.constantFrom("é", "ß", "漢", "𝄞", "\u202e", "\ufeff", "\uffff"),
);
const text = fc.array(character, { maxLength: 6 }).map((characters) => characters.join(""));
const name = fc.oneof(
  text,
  fc.constantFrom("a", "a1", "a-", "A", "realm", "oauth", "oauth_signature", "__proto__", ""),
);
const spelling = fc.constantFrom("upper", "lower", "plus", "all");
type Spelling = "upper" | "lower" | "plus" | "all";

function spell(value: string, how: Spelling): string {
  const encoded = percentEncode(value);
  if (how === "lower") return encoded.replace(/%../g, (octet) => octet.toLowerCase());
  if (how === "plus") return encoded.replaceAll("%20", "+");
  if (how === "all") return encoded.replace(/[a-z~]/g, (one) => `%${one.charCodeAt(0).toString(16)}`);
  return encoded;
}

const pairs = fc.array(fc.tuple(name, text, spelling, spelling, fc.boolean()), { maxLength: 6 }).map((list) =>
  list
    .map(([one, value, how, howToo, bare]) => {
      const spelled = spell(one, how as Spelling);
      return bare && value === "" && spelled !== "" ? spelled : `${spelled}=${spell(value, howToo as Spelling)}`;
    })
    .join("&"),
);
const origin = fc.constantFrom(
  "http://example.com",
  "http://example.com:80",
  "https://example.com:443",
  "http://Example.COM:443",
  "https://api.example.com:8443",
  "http://127.0.0.1:5000",
  "http://[::1]:8080",
);
const path = fc.constantFrom("", "/", "/r%20v/X", "/a;p=1", "/%C3%A9/%7E", "//x/", "/a/.b/1.1/x.json", "/'()*!$,:@");
const request = (...methods: SignatureMethod[]) =>
  fc.record({
    method: fc.constantFrom("GET", "POST", "PUT", "DELETE", "PATCH", "REPORT"),
    url: fc.tuple(origin, path, pairs).map(([host, rest, query]) => `${host}${rest}${query === "" ? "" : `?${query}`}`),
    body: pairs,
    values: fc.record({
      oauth_consumer_key: text,
      oauth_token: text,
      oauth_nonce: text,
      oauth_callback: text,
      oauth_verifier: text,
    }),
    realm: fc.option(fc.constantFrom("Photos", "http://x/?a=1"), { nil: undefined }),
    signature_method: fc.constantFrom(...methods),
    client_secret: text,
    token_secret: text,
  });

const skip = skipWithout(["oauthlib", "jwt"], ["python3-oauthlib", "python3-jwt", "python3-cryptography"]);

test("base strings, signatures and headers are oauthlib's on random hostile requests (O1-05)", { skip }, async () => {
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const key = createPrivateKey(privateKey).export({ format: "jwk" }) as unknown as Jwk;
  const seed = Math.trunc(Math.random() * 2 ** 31);
  // RSA is slow on their side: a few signatures are enough, the text that is signed is the same for every method.
  const drawn = [
    ...fc.sample(request("HMAC-SHA1", "HMAC-SHA256", "PLAINTEXT"), { numRuns: 1500, seed }),
    ...fc.sample(request("RSA-SHA1", "RSA-SHA256"), { numRuns: 12, seed }),
  ];
  const requests = drawn.map(({ values, realm, ...rest }) => {
    const protocol = { ...values, oauth_signature_method: rest.signature_method, oauth_signature: "left out" };
    const encoded = Object.entries(protocol).map(([one, value]) => [one, percentEncode(value)] as const);
    return { ...rest, header: oauthHeader(encoded, realm), rsa_key: privateKey };
  });
  const answers = askOauthlib(requests);
  for (const [at, request] of requests.entries()) {
    const { method, url, body, header, signature_method, client_secret, token_secret } = request;
    const where = `seed ${seed}, request ${at}: ${method} ${url} ${body} ${header}`;
    const protocol = readOAuthHeader(header) ?? [];
    const text = baseString({ method, url: new URL(url), protocol, form: parsePairs(body) });
    assert.equal(text, answers[at]?.base, where);
    const secrets = { signature_method, client_secret, token_secret };
    const signature = await sign(
      text,
      signature_method === "RSA-SHA1" || signature_method === "RSA-SHA256"
        ? { signature_method, key }
        : { ...secrets, signature_method },
    );
    assert.equal(signature, answers[at]?.signature, where);
    const { realm: _, ...theirs } = answers[at]?.header ?? {};
    assert.deepEqual(Object.fromEntries(protocol), theirs, where);
  }
});
