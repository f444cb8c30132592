import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readForwarded, writeForwarded } from "./forwarded-request.ts";
import { encodePairs, formatPairs, oauthHeader } from "./parameters.ts";
import { OAuth1Problem, type Problem, problemResponse, problems } from "./problem.ts";
import { sign, signatureMethods } from "./signature.ts";
import { checkSignature, isOAuth1Request, readSignedRequest } from "./signed-request.ts";

const now = 1_800_000_000_000;
const rules = { signatureMethods, now };
const key = { signature_method: "HMAC-SHA1", client_secret: "c", token_secret: "t" } as const;
const protocol = {
  oauth_consumer_key: "bird",
  oauth_token: "token",
  oauth_signature_method: "HMAC-SHA1",
  oauth_timestamp: String(now / 1000),
  oauth_nonce: "n",
};

test("whatever is sent, reading it ends with a request or an OAuth1Problem (RFC 5849 §3.2)", async () => {
  const header = fc.string().map((text) => text.replace(/[^\x20-\x7e]/g, "?"));
  const type = fc.constantFrom("application/x-www-form-urlencoded", "application/json", "", "multipart/form-data");
  await fc.assert(
    fc.asyncProperty(header, fc.string(), fc.string(), type, async (authorization, query, body, contentType) => {
      const url = `https://api.test/?${encodeURI(query.isWellFormed() ? query : "")}`;
      const headers = { Authorization: `OAuth ${authorization}`, "Content-Type": contentType };
      const request = new Request(url, { method: "POST", headers, body });
      await readSignedRequest(request, rules).catch((error) =>
        assert.ok(error instanceof OAuth1Problem, String(error)),
      );
      assert.equal(await request.text(), await new Request(url, { method: "POST", body }).text());
    }),
  );
});

test("what a client signs is read as it was signed, in every place, whatever is in it (RFC 5849 §3.4, §3.5)", async () => {
  const names = fc.string({ unit: "grapheme" }).filter((text) => text.isWellFormed() && !text.startsWith("oauth_"));
  const pairs = fc.array(
    fc.tuple(
      names,
      fc.string({ unit: "grapheme" }).filter((text) => text.isWellFormed()),
    ),
    { maxLength: 8 },
  );
  await fc.assert(
    fc.asyncProperty(pairs, pairs, fc.constantFrom("header", "query", "body"), async (query, form, placement) => {
      const encode = (list: readonly (readonly [string, string])[]) =>
        list.flatMap(([name, value]) => encodePairs({ [name]: value }));
      const sent = encodePairs(protocol);
      const at = (place: string) => (place === placement ? sent : []);
      const url = () => `https://api.test/a%20b?${formatPairs([...encode(query), ...at("query")])}`;
      const make = () =>
        new Request(url(), {
          method: "POST",
          headers: {
            "Content-Type": "application/x-www-form-urlencoded",
            ...(placement === "header" ? { Authorization: oauthHeader(sent) } : {}),
          },
          body: formatPairs([...encode(form), ...at("body")]),
        });
      sent.push(...encodePairs({ oauth_signature: "x" }));
      const { text } = await readSignedRequest(make(), rules);
      sent.pop();
      sent.push(...encodePairs({ oauth_signature: await sign(text, key) }));
      const request = make();
      assert.equal(await isOAuth1Request(request), true);
      await checkSignature(await readSignedRequest(request, rules), [key]);
      // On its way to the provider nothing of it changes.
      const forwarded = readForwarded(await writeForwarded(request, undefined)) ?? assert.fail();
      await checkSignature(await readSignedRequest(forwarded, rules), [key]);
      await assert.rejects(checkSignature(await readSignedRequest(request, rules), [{ ...key, token_secret: "u" }]));
    }),
    { numRuns: 60 },
  );
});

test("what is not signed in this way is not taken for it", async () => {
  const requests = [
    new Request("https://api.test/?oauth_token=x"),
    new Request("https://api.test/", { headers: { Authorization: "Bearer oauth" } }),
    new Request("https://api.test/", { headers: { Authorization: "OAuthX a" } }),
    new Request("https://api.test/", { method: "POST", body: "oauth_signature=x" }),
    new Request("https://api.test/", { method: "POST", body: new URLSearchParams({ a: "oauth_signature" }) }),
  ];
  for (const request of requests) assert.equal(await isOAuth1Request(request), false, request.url);
});

test("a refusal says its word twice, and nothing breaks out of the header (RFC 9110 §11.6.1)", async () => {
  for (const problem of Object.keys(problems) as Problem[]) {
    const error = new OAuth1Problem(problem, 'a "quoted" é\r\nX: y & z', { parameters: { oauth_x: "1&2" } });
    const response = problemResponse(error, { realm: 'https://id.test/"' });
    assert.equal(response.status, problems[problem]);
    const form = new URLSearchParams(await response.text());
    assert.deepEqual([form.get("oauth_problem"), form.get("oauth_x")], [problem, "1&2"]);
    assert.ok(
      response.headers
        .get("www-authenticate")
        ?.startsWith(`OAuth realm="https://id.test/\\"", oauth_problem="${problem}"`),
    );
    assert.equal(response.headers.get("x"), null);
  }
});

test("a request that is too large is not forwarded, and is not read whole (CWE-400)", async () => {
  const large = (size: number) =>
    new Request("https://api.test/", { method: "POST", body: new URLSearchParams({ a: "x".repeat(size) }) });
  const is = (error: unknown) => error instanceof OAuth1Problem && error.status === 413;
  await assert.rejects(writeForwarded(large(40_000), undefined), is);
  await assert.rejects(readSignedRequest(large(1_100_000), rules), is);
  const long = new Request(`https://api.test/?${"x".repeat(17_000)}`);
  await assert.rejects(
    readSignedRequest(long, rules),
    (error) => error instanceof OAuth1Problem && error.status === 414,
  );
});

test("a form in thousands of pieces is not copied: nobody has shown yet that they may send one (CWE-400)", async () => {
  let pieces = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        controller.enqueue(new Uint8Array([97]));
        if (++pieces === 100_000) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  const headers = { "Content-Type": "application/x-www-form-urlencoded", Authorization: "OAuth oauth_token=x" };
  const request = new Request("https://api.test/", { method: "POST", headers, body, duplex: "half" } as RequestInit);
  await assert.rejects(
    readSignedRequest(request, rules),
    (error) => error instanceof OAuth1Problem && error.status === 413,
  );
  assert.ok(pieces < 5_000, `${pieces} were taken`);
});
