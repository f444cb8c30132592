import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isOAuthError } from "./errors.ts";
import { checkDisplayUri, checkRedirectUri, matchesRedirectUri, type RedirectUriPolicy } from "./redirect-uri.ts";

const web: RedirectUriPolicy = { application_type: "web" };
const development: RedirectUriPolicy = { application_type: "web", allowLoopbackHttp: true };
const native: RedirectUriPolicy = { application_type: "native" };
const accepts = (uri: unknown, policy: RedirectUriPolicy) => {
  try {
    checkRedirectUri(uri, policy);
    return true;
  } catch (e) {
    assert.ok(isOAuthError(e, "invalid_redirect_uri"), String(e));
    return false;
  }
};

test("https is accepted from everyone, with path, query and port as they are", () => {
  for (const uri of [
    "https://rp.test/cb",
    "https://rp.test",
    "https://rp.test:8443/cb?a=1&b=%2F",
    "HTTPS://RP.test/cb",
    "https://[2001:db8::1]/cb",
  ]) {
    for (const policy of [web, native, development]) assert.equal(accepts(uri, policy), true, uri);
  }
});

test("what no client may register (RFC 6749 §3.1.2, RFC 8252 §8.4, RFC 9700 §2.1)", () => {
  const refused: unknown[] = [
    ...[
      "https://rp.test/cb#x",
      "https://rp.test/cb#",
      "/cb",
      "//rp.test/cb",
      "rp.test/cb",
      "",
      " https://rp.test/cb",
      "https://rp.test/c b",
    ],
    ...["https://user@rp.test/cb", "https://user:pw@rp.test/cb", "https://@rp.test/cb", "https://rp.test@evil.test/cb"],
    ...["https://*.rp.test/cb", "https://rp.test/*", "https://rp.test/.*", "*", "+", "https://*/cb"],
    ...[
      "http://rp.test/cb",
      "http://127.0.0.2/cb",
      "http://0x7f.1/cb",
      "http://127.1/cb",
      "http://2130706433/cb",
      "http://localhost.evil.test/cb",
    ],
    ...[
      "javascript:alert(1)",
      "javascript://rp.test/%0aalert(1)",
      "data:text/html,x",
      "file:///etc/passwd",
      "blob:https://rp.test/x",
      "about:blank",
    ],
    ...[
      "vbscript:x",
      "ftp://rp.test/",
      "ws://rp.test/",
      "view-source:https://rp.test/",
      "myapp:cb",
      "myapp://cb",
      "com.example.app:8080/cb",
    ],
    ...[
      "https:/rp.test/cb",
      "https:rp.test/cb",
      "https:///cb",
      "https://",
      "https://:443/cb",
      "https://rp.test:/cb",
      "https://rp.test:99999/cb",
    ],
    ...[
      "https://rp.test\\@evil.test/cb",
      "https://rp.test/\n",
      "https://rp.test/\tcb",
      "https://rp.test/\0",
      "https://%65vil.test/cb",
    ],
    ...[
      "https://rp.té/cb",
      "https://rp.test/%zz",
      `https://rp.test/${"x".repeat(2048)}`,
      undefined,
      null,
      7,
      {},
      ["https://rp.test/cb"],
    ],
  ];
  for (const uri of refused)
    for (const policy of [web, native, development]) assert.equal(accepts(uri, policy), false, String(uri));
});

test("http on loopback is for native clients, and for web clients in development only (RFC 8252 §7.3)", () => {
  for (const uri of [
    "http://127.0.0.1/cb",
    "http://127.0.0.1:8080/cb",
    "http://[::1]:9/cb",
    "http://localhost:3000/cb",
  ]) {
    assert.equal(accepts(uri, native), true, uri);
    assert.equal(accepts(uri, web), false, uri);
    assert.equal(accepts(uri, development), true, uri);
  }
});

test("a private-use scheme with a dot is for native clients (RFC 8252 §7.1)", () => {
  for (const uri of ["com.example.app:/cb", "com.example.app://cb/x", "com.example.app:/"]) {
    assert.equal(accepts(uri, native), true, uri);
    assert.equal(accepts(uri, web), false, uri);
  }
  assert.equal(accepts("com.example.app://user@cb", native), false);
});

test("only a byte-equal URI matches (RFC 9700 §4.1.3)", () => {
  const registered = ["https://rp.test/cb", "https://rp.test/q?a=1", "com.example.app:/cb"];
  for (const uri of registered) assert.equal(matchesRedirectUri(registered, uri), true);
  const others = [
    ...[
      "https://rp.test.evil.test/cb",
      "https://evilrp.test/cb",
      "https://rp.test:443.evil.test/cb",
      "http://localhost.evil.test/cb",
    ],
    ...[
      "https://rp.test/q?a=2",
      "https://rp.test/q?a=1&b=2",
      "https://rp.test/q?b=2&a=1",
      "https://rp.test/q",
      "https://rp.test/cb?",
      "https://rp.test/cb?x=1",
    ],
    ...[
      "https://rp.test/cb#x",
      "https://rp.test/cb#",
      "https://rp.test/cb%23x",
      "https://rp.test/cb/",
      "https://rp.test/CB",
      "https://rp.test/c%62",
    ],
    ...[
      "https://rp.test:443/cb",
      "https://rp.test:8443/cb",
      "https://rp.test:/cb",
      "http://rp.test/cb",
      "HTTPS://rp.test/cb",
      "https://RP.test/cb",
    ],
    ...[
      "https://rp.test/x/../cb",
      "https://rp.test/cb/../cb",
      "https://user@rp.test/cb",
      "https://rp.test/cb\n",
      " https://rp.test/cb",
      "",
      "com.example.app:/cb/x",
    ],
  ];
  for (const uri of others) assert.equal(matchesRedirectUri(registered, uri), false, uri);
});

test("a loopback URI matches any port, and nothing else about it may differ (RFC 8252 §7.3)", () => {
  const registered = ["http://127.0.0.1/cb", "http://[::1]:1/cb?x=1", "http://localhost:3000"];
  for (const uri of [
    "http://127.0.0.1:51004/cb",
    "http://127.0.0.1/cb",
    "http://[::1]:65535/cb?x=1",
    "http://localhost:1",
    "http://localhost",
  ]) {
    assert.equal(matchesRedirectUri(registered, uri), true, uri);
  }
  const others = [
    "http://127.0.0.1:0/cb",
    "http://127.0.0.1:65536/cb",
    "http://127.0.0.1:/cb",
    "http://127.0.0.1:080/cb",
    "http://127.0.0.1:1/CB",
  ];
  const hosts = [
    "http://127.0.0.2:1/cb",
    "http://localhost:1/cb",
    "http://127.0.0.1:1@evil.test/cb",
    "https://127.0.0.1:1/cb",
    "http://127.0.0.1.evil.test/cb",
  ];
  const rests = [
    "http://127.0.0.1:1/cb?",
    "http://127.0.0.1:1/cb#",
    "http://localhost:1/",
    "http://127.0.0.1:1",
    "http://localhost:1\n",
    "http://127.0.0.1:1/cb\n",
  ];
  for (const uri of [...others, ...hosts, ...rests]) assert.equal(matchesRedirectUri(registered, uri), false, uri);
});

test("property: whatever is accepted is byte-equal, or equal on loopback but for the port", () => {
  const scheme = fc.constantFrom("http://", "https://", "HTTP://", "http:/", "com.a:/");
  const host = fc.constantFrom(
    "127.0.0.1",
    "[::1]",
    "localhost",
    "rp.test",
    "127.0.0.2",
    "LOCALHOST",
    "user@127.0.0.1",
    "127.0.0.1.evil.test",
  );
  const port = fc.constantFrom("", ":", ":1", ":80", ":8080", ":00080", ":65536", ":1@evil.test", ":1#");
  const rest = fc.constantFrom(
    "",
    "/",
    "/cb",
    "/cb?",
    "/cb?a=1",
    "?a=1",
    "/cb#",
    "/cb\n",
    "/cb/../cb",
    "\\cb",
    "/cb:80",
  );
  const uri = fc.tuple(scheme, host, port, rest).map((parts) => parts.join(""));
  // Written independently of the implementation: cut the port out of an exact loopback prefix.
  const withoutPort = (text: string) => {
    for (const prefix of ["http://127.0.0.1", "http://[::1]", "http://localhost"]) {
      if (!text.startsWith(prefix)) continue;
      const tail = text.slice(prefix.length);
      const digits = /^:[1-9]\d*/.exec(tail)?.[0] ?? "";
      const after = tail.slice(digits.length);
      if (after === "" || after.startsWith("/") || after.startsWith("?")) return prefix + after;
    }
    return undefined;
  };
  fc.assert(
    fc.property(fc.array(uri, { minLength: 1, maxLength: 4 }), uri, (registered, sent) => {
      if (!matchesRedirectUri(registered, sent)) return !registered.includes(sent);
      const bare = withoutPort(sent);
      return registered.some((own) => own === sent || (bare !== undefined && withoutPort(own) === bare));
    }),
    { numRuns: 5000 },
  );
});

test("property: what may be registered has no fragment, userinfo or wildcard, and its parsed host is the written one", () => {
  const piece = fc.constantFrom(
    "https://",
    "http://",
    "localhost",
    "rp.test",
    "127.0.0.1",
    "@",
    ":",
    "/",
    "?",
    "#",
    "*",
    "\\",
    "%41",
    ".",
    "com.a:/",
    " ",
    "javascript:",
    "[::1]",
    "8080",
    "..",
    "\t",
    "é",
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 7 }).map((pieces) => pieces.join("")),
      fc.constantFrom(web, native, development),
      (uri, policy) => {
        if (!accepts(uri, policy)) return;
        const url = new URL(uri);
        assert.equal(url.hash + url.username + url.password, "");
        assert.ok(!uri.includes("#") && !url.pathname.includes("*") && !url.host.includes("*"));
        if (url.protocol === "http:") assert.match(url.host, /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/);
        else if (url.protocol !== "https:") assert.ok(policy === native && url.protocol.includes("."));
      },
    ),
    { numRuns: 5000 },
  );
});

test("URIs shown to people are https or loopback http (RFC 7591 §5)", () => {
  for (const uri of ["https://rp.test/logo.png", "https://rp.test/tos#1", "http://localhost:3000/logo.png"])
    assert.doesNotThrow(() => checkDisplayUri(uri));
  for (const uri of [
    "javascript:alert(1)",
    "data:image/png;base64,x",
    "http://rp.test/",
    "https://u@rp.test/",
    "com.a:/x",
    "logo.png",
    "",
    1,
    undefined,
  ]) {
    assert.throws(
      () => checkDisplayUri(uri, "logo_uri"),
      (e) => isOAuthError(e, "invalid_client_metadata") && e.description.includes("logo_uri"),
    );
  }
});
