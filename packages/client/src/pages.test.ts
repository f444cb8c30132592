/** The pages of createOAuth in the application's own frame: its look, and our status, cookies and headers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createOAuth, oidc } from "./create-oauth.ts";
import { Browser, startIssuer } from "./lib/hostile-issuer.test.ts";
import { recordingLog, secret, startApp } from "./lib/test-app.test.ts";
import type { ErrorPage, Pages, Rendered, SignInPage } from "./pages.ts";

const origin = "http://localhost";

/** An application with two providers, of which none is there. */
function start(pages: Pages) {
  const { log, lines } = recordingLog();
  const provider = (name: string) =>
    oidc(name, { issuer: `https://${name}.example`, client_id: "app", client_secret: "s" });
  const oauth = createOAuth({ providers: [provider("acme"), provider("forge")], secret, log, pages });
  const ask = async (path: string, init?: RequestInit) => {
    const response = await oauth.handle(new Request(origin + path, init));
    assert.ok(response);
    return { response, text: await response.text() };
  };
  return { ask, lines };
}

const ours = (response: Response) => {
  const { headers } = response;
  assert.equal(headers.get("cache-control"), "no-store");
  assert.equal(headers.get("referrer-policy"), "no-referrer");
  assert.equal(headers.get("x-content-type-options"), "nosniff");
  assert.equal(headers.get("x-frame-options"), "DENY");
};

test("an error page is the application's, with what there is to say; status, cookies and headers stay ours", async () => {
  await using issuer = await startIssuer();
  issuer.mischief.authorization = (parameters) => {
    parameters.delete("code");
    parameters.set("error", "access_denied");
    parameters.set("error_description", "<b>no</b>");
  };
  const seen: { page: ErrorPage; url: string }[] = [];
  let answer: Rendered = "<p>mine</p>";
  const error = (page: ErrorPage, request: Request) => {
    seen.push({ page, url: request.url });
    return answer;
  };
  await using app = await startApp(issuer.url, { pages: { error } });
  const own = "style-src https://cdn.example";
  const headers = {
    "Content-Type": "text/plain",
    "Cache-Control": "public, max-age=3600",
    "X-Frame-Options": "ALLOWALL",
    "Referrer-Policy": "unsafe-url",
    "Content-Security-Policy": own,
    Location: "https://evil.example",
    "Set-Cookie": "seen=yes",
  };
  for (const given of ["<p>mine</p>", new Response("<p>mine</p>", { status: 200, headers })]) {
    answer = given;
    const browser = new Browser();
    const page = await browser.follow(`${app.url}/auth/login/acme?returnTo=/me`);
    assert.equal(await page.text(), "<p>mine</p>");
    assert.equal(page.status, 403);
    ours(page);
    assert.equal(page.headers.get("location"), null);
    assert.ok(
      [...browser.cookies.keys()].every((name) => !name.startsWith("vk_")),
      "the sign-in's cookie is taken away",
    );
    const text = typeof given === "string";
    assert.match(page.headers.get("content-type") ?? "", text ? /^text\/html/ : /^text\/plain/);
    if (text)
      assert.match(page.headers.get("content-security-policy") ?? "", /default-src 'none'.*frame-ancestors 'none'/);
    else assert.equal(page.headers.get("content-security-policy"), own);
    assert.equal(browser.cookies.has("seen"), !text);
  }
  const { reference = "", ...page } = seen[0]?.page ?? {};
  assert.deepEqual(page, {
    status: 403,
    code: "access_denied",
    title: "Not signed in",
    what: "Access was not allowed.",
    hint: "If that was not what you wanted, sign in again and allow it.",
    reason: "access_denied: <b>no</b>",
    links: [
      { href: "/auth/login/acme?returnTo=%2Fme", text: "Sign in again" },
      { href: "/", text: "Back to the application" },
    ],
  });
  assert.ok(
    app.lines.some(({ fields }) => fields.reference === reference),
    "the reference is found in the log",
  );
  assert.match(seen[0]?.url ?? "", /\/auth\/callback\/acme\?/);
});

test("Allow and Retry-After stay, and a permission that has ended is explained in the same frame", async () => {
  const codes: string[] = [];
  const error = (page: ErrorPage) => {
    codes.push(page.code);
    return Promise.resolve(`<p>${page.code}</p>`);
  };
  const { ask } = start({ error });
  const typed = await ask("/auth/logout");
  assert.deepEqual([typed.response.status, typed.response.headers.get("allow")], [405, "POST"]);
  ours(typed.response);
  const unknown = await ask("/auth/login/nobody");
  assert.deepEqual([unknown.response.status, unknown.text], [404, "<p>unknown_provider</p>"]);

  await using issuer = await startIssuer();
  issuer.mischief.token = ({ refresh_token: _, ...good }) => ({ ...good, expires_in: 0 });
  await using app = await startApp(issuer.url, { pages: { error } });
  const browser = new Browser();
  await browser.follow(`${app.url}/me`);
  const cookie = `vk_app=${browser.cookies.get("vk_app")}`;
  const request = new Request(`${app.url}/me`, { headers: { accept: "text/html", cookie } });
  const auth = await app.oauth.session(request);
  const thrown = await auth?.fetch("acme", `${issuer.url}/api`).catch((e: unknown) => e);
  const explained = await app.oauth.recover(request, thrown);
  assert.deepEqual([explained?.status, await explained?.text()], [401, "<p>sign_in_again</p>"]);

  issuer.mischief = { discovery: () => ({ status: 503, body: "" }) };
  await using down = await startApp(issuer.url, { pages: { error } });
  const page = await new Browser().get(`${down.url}/auth/login`);
  assert.deepEqual(
    [page.status, page.headers.get("retry-after"), await page.text()],
    [503, "1", "<p>issuer_unavailable</p>"],
  );
  assert.deepEqual(codes, ["method_not_allowed", "unknown_provider", "sign_in_again", "issuer_unavailable"]);
});

test("a form that guard refuses is answered in the same frame, if the page is there at once", async () => {
  const shown: ErrorPage[] = [];
  const make: [string, (page: ErrorPage) => Rendered, RegExp, boolean][] = [
    ["at once", (page) => `<p>${page.code}</p>`, /^<p>login_required<\/p>$/, false],
    ["later", async () => "<p>mine</p>", /<h1>Sign in to go on<\/h1>/, false],
    ["throws", () => assert.fail("a mistake"), /<h1>Sign in to go on<\/h1>/, true],
    ["rejects", () => Promise.reject(new Error("a mistake")), /<h1>Sign in to go on<\/h1>/, true],
  ];
  for (const [what, render, expected, failed] of make) {
    const { log, lines } = recordingLog();
    const acme = oidc("acme", { issuer: "https://acme.example", client_id: "app", client_secret: "s" });
    const error = (page: ErrorPage) => {
      shown.push(page);
      return render(page);
    };
    const oauth = createOAuth({ providers: [acme], secret, log, pages: { error } });
    const headers = { accept: "text/html", referer: `${origin}/settings` };
    const answer = oauth.guard(new Request(`${origin}/save`, { method: "POST", headers }), null);
    assert.ok(answer);
    assert.equal(answer.status, 401);
    ours(answer);
    assert.match(await answer.text(), expected, what);
    await new Promise(setImmediate);
    assert.equal(
      lines.some(({ fields }) => fields.event === "page.failed"),
      failed,
      what,
    );
    assert.ok(
      lines.some(({ fields }) => fields.reference === shown.at(-1)?.reference),
      what,
    );
  }
  assert.deepEqual(shown[0]?.links, [
    { href: "/auth/login?returnTo=%2Fsettings", text: "Sign in" },
    { href: "/", text: "Back to the application" },
  ]);
});

test("the sign-in page is the application's, with the ways there are and where they lead", async () => {
  let seen: SignInPage | undefined;
  const { ask } = start({
    signIn: (page) => {
      seen = page;
      return `<ul>${page.ways.length}</ul>`;
    },
  });
  const { response, text } = await ask("/auth/login?returnTo=/a%3Fb");
  assert.deepEqual([response.status, text], [200, "<ul>2</ul>"]);
  ours(response);
  assert.deepEqual(seen, {
    returnTo: "/a?b",
    ways: [
      { name: "acme", label: "acme", href: "/auth/login/acme?returnTo=%2Fa%3Fb" },
      { name: "forge", label: "forge", href: "/auth/login/forge?returnTo=%2Fa%3Fb" },
    ],
  });
  await ask("/auth/login?returnTo=https://evil.example");
  assert.equal(seen?.returnTo, "/", "checked before the application sees it");
});

test("a function that says nothing, throws or answers what cannot be sent gets our page, and a line in the log if it failed", async () => {
  const spent = new Response("read already");
  await spent.text();
  const failing: [string, () => Rendered, boolean][] = [
    ["nothing", () => undefined, false],
    ["nothing, later", async () => undefined, false],
    [
      "throws",
      () => {
        throw new Error("a mistake");
      },
      true,
    ],
    ["rejects", () => Promise.reject(new Error("a mistake")), true],
    ["a body that was read", () => spent, true],
  ];
  for (const [what, render, failed] of failing) {
    const { ask, lines } = start({ error: render, signIn: render });
    const error = await ask("/auth/login/nobody");
    assert.equal(error.response.status, 404, what);
    assert.match(error.text, /<p id="what">There is no such way/, what);
    assert.match((await ask("/auth/login")).text, /Continue with acme/, what);
    const told = lines.filter(({ level, fields }) => level === "error" && fields.event === "page.failed");
    assert.equal(told.length, failed ? 2 : 0, what);
  }
});
