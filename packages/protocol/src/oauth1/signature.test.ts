import assert from "node:assert/strict";
import { test } from "node:test";
import { baseString, baseStringUri, isSignedForm } from "./base-string.ts";
import { encodePairs, parsePairs, readOAuthHeader } from "./parameters.ts";
import { type RsaKey, type SignatureKey, sign, verify } from "./signature.ts";

test("the base string of RFC 5849 §3.4.1.1, and the signature its secrets really give (the one printed in §3.1 is an erratum)", async () => {
  const header =
    'OAuth realm="Example", oauth_consumer_key="9djdj82h48djs9d2", oauth_token="kkk9d7dh3k39sjv7", oauth_signature_method="HMAC-SHA1", oauth_timestamp="137131201", oauth_nonce="7d8f3e4a", oauth_signature="bYT5CMsGcbgUdFHObYMEfcx6bsw%3D"';
  const text = baseString({
    method: "post",
    url: new URL("http://example.com/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b"),
    protocol: readOAuthHeader(header) ?? [],
    form: parsePairs("c2&a3=2+q"),
  });
  assert.equal(
    text,
    "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7",
  );
  const secrets = { client_secret: "j49sk3j29djd", token_secret: "dh893hdasih9" };
  assert.equal(await sign(text, { signature_method: "HMAC-SHA1", ...secrets }), "r6/TJjbCOr97/+UU0NsvSne7s5g=");
});

test("the three requests of RFC 5849 §1.2", async () => {
  const client = { oauth_consumer_key: "dpf43f3p2l4k3l03", oauth_signature_method: "HMAC-SHA1" };
  const steps = [
    {
      method: "POST",
      url: "https://photos.example.net/initiate",
      protocol: {
        oauth_timestamp: "137131200",
        oauth_nonce: "wIjqoS",
        oauth_callback: "http://printer.example.com/ready",
      },
      token_secret: undefined,
      signature: "74KNZJeDHnMBp0EMJ9ZHt/XKycU=",
    },
    {
      method: "POST",
      url: "https://photos.example.net/token",
      protocol: {
        oauth_timestamp: "137131201",
        oauth_nonce: "walatlh",
        oauth_token: "hh5s93j4hdidpola",
        oauth_verifier: "hfdp7dh39dks9884",
      },
      token_secret: "hdhd0244k9j7ao03",
      signature: "gKgrFCywp7rO0OXSjdot/IHF7IU=",
    },
    {
      method: "GET",
      url: "http://photos.example.net/photos?file=vacation.jpg&size=original",
      protocol: { oauth_timestamp: "137131202", oauth_nonce: "chapoH", oauth_token: "nnch734d00sl2jdk" },
      token_secret: "pfkkdhi9sl3r4s00",
      signature: "MdpQcU8iPSUjWoN/UDMsK2sui9I=",
    },
  ];
  for (const { method, url, protocol, token_secret, signature } of steps) {
    const text = baseString({ method, url: new URL(url), protocol: encodePairs({ ...client, ...protocol }) });
    const key: SignatureKey = { signature_method: "HMAC-SHA1", client_secret: "kd94hf93k423kf44", token_secret };
    assert.equal(await sign(text, key), signature);
    assert.equal(await verify(text, key, signature), true);
  }
});

test("the base string URI has the Host header's authority and the path as sent (RFC 5849 §3.4.1.2)", () => {
  const cases = {
    "http://EXAMPLE.COM:80/r%20v/X?id=123": "http://example.com/r%20v/X",
    "https://www.example.net:8080/?q=1": "https://www.example.net:8080/",
    "https://example.com:443": "https://example.com/",
    "http://example.com:443/": "http://example.com:443/",
    "https://example.com:80/": "https://example.com:80/",
    "HTTPS://[2001:DB8::1]:8443/a;p=1/%7E%c3#x": "https://[2001:db8::1]:8443/a;p=1/%7E%c3",
    "https://bücher.example/é": "https://xn--bcher-kva.example/%C3%A9",
  };
  for (const [url, expected] of Object.entries(cases)) assert.equal(baseStringUri(new URL(url)), expected);
  for (const url of ["ftp://example.com/", "https://a@example.com/", "https://:b@example.com/", "data:x"])
    assert.throws(() => baseStringUri(new URL(url)), TypeError, url);
});

test("only the parameters of a single form are signed (RFC 5849 §3.4.1.3.1)", () => {
  for (const type of ["application/x-www-form-urlencoded", "Application/X-WWW-Form-Urlencoded ; charset=UTF-8"])
    assert.equal(isSignedForm(type), true, type);
  for (const type of [
    null,
    undefined,
    "",
    "application/json",
    "multipart/form-data; boundary=x",
    "text/plain;application/x-www-form-urlencoded",
  ])
    assert.equal(isSignedForm(type), false);
});

const pair = async () => {
  const algorithm = {
    name: "RSASSA-PKCS1-v1_5",
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: "SHA-256",
  };
  const { privateKey, publicKey } = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const [own, other] = await Promise.all([privateKey, publicKey].map((key) => crypto.subtle.exportKey("jwk", key)));
  return { own, other } as unknown as { own: RsaKey["key"]; other: RsaKey["key"] };
};

test("RSA signatures fit their key, hash and text only; a JWK's alg does not bind the hash (RFC 5849 §3.4.3)", async () => {
  const [{ own, other }, stranger] = await Promise.all([pair(), pair()]);
  assert.equal(own.alg, "RS256");
  for (const signature_method of ["RSA-SHA1", "RSA-SHA256"] as const) {
    const signature = await sign("text", { signature_method, key: own });
    assert.equal(await verify("text", { signature_method, key: other }, signature), true);
    assert.equal(await verify("texts", { signature_method, key: other }, signature), false);
    assert.equal(await verify("text", { signature_method, key: stranger.other }, signature), false);
    const otherMethod = signature_method === "RSA-SHA1" ? "RSA-SHA256" : "RSA-SHA1";
    assert.equal(await verify("text", { signature_method: otherMethod, key: other }, signature), false);
    for (const malformed of [
      "",
      "=",
      signature.slice(1),
      `${signature}=`,
      `${signature.slice(0, -4)}AA==`,
      "é",
      signature.replace(/=+$/, ""),
    ])
      assert.equal(await verify("text", { signature_method, key: other }, malformed), false, malformed);
  }
});

test("a key that is no private RSA key is refused before anything is signed", async () => {
  const { other } = await pair();
  const wrong = [other, { kty: "oct", k: "AAAA" }, { kty: "RSA", n: "AAAA", e: "AQAB", d: "AAAA" }, { kty: "EC" }];
  for (const key of wrong) await assert.rejects(sign("text", { signature_method: "RSA-SHA256", key }), TypeError);
});

test("HMAC and PLAINTEXT join the encoded secrets with an ampersand, empty ones too (RFC 5849 §3.4.2, §3.4.4)", async () => {
  assert.equal(
    await sign("x", { signature_method: "PLAINTEXT", client_secret: "a&b é", token_secret: "c" }),
    "a%26b%20%C3%A9&c",
  );
  assert.equal(await sign("x", { signature_method: "PLAINTEXT", client_secret: "" }), "&");
  const empty: SignatureKey = { signature_method: "HMAC-SHA256", client_secret: "" };
  const signature = await sign("x", empty);
  assert.equal(await verify("x", empty, signature), true);
  assert.equal(await verify("x", { ...empty, token_secret: "t" }, signature), false);
  assert.equal(await verify("x", { ...empty, client_secret: "&" }, signature), false);
  for (const wrong of ["", signature.slice(0, -1), signature.toLowerCase(), `${signature} `])
    assert.equal(await verify("x", empty, wrong), false);
});
