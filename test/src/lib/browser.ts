/**
 * A browser without JavaScript, made of `fetch`: cookies, redirects and forms, nothing else.
 *
 * It follows redirects by hand and stops where they leave the hosts it was told are ours, so that a test sees exactly what
 * a client would be sent. Forms are filled and submitted by the ids and names of the controls.
 */
import { byId, formsOf, type Tag, textOf } from "./html.ts";

export interface PageOf {
  /** Address of the page; after a redirect to a foreign host, that address, which was not fetched. */
  readonly url: URL;
  readonly status: number;
  readonly headers: Headers;
  readonly html: string;
  /** The redirect chain leads to a host that is not ours. */
  readonly foreign: boolean;
  /** Status and address of every answer on the way here, this one last. */
  readonly trail: readonly { readonly status: number; readonly url: string; readonly headers: Headers }[];
  readonly text: string;
  has(id: string): boolean;
  find(id: string): Tag | undefined;
}

export interface FetchBrowser {
  open(url: string | URL, init?: { headers?: Readonly<Record<string, string>> }): Promise<PageOf>;
  /** Presses a button, by id or `name=value`, in the form it belongs to, after filling in values by id or name of the control. */
  press(
    page: PageOf,
    button: string,
    values?: Readonly<Record<string, string | boolean>>,
    init?: { headers?: Readonly<Record<string, string>> },
  ): Promise<PageOf>;
  /** Sends a form that need not exist on any page. */
  post(
    url: string | URL,
    form: Readonly<Record<string, string>> | URLSearchParams,
    init?: { headers?: Readonly<Record<string, string>> },
  ): Promise<PageOf>;
  /** Every `Set-Cookie` line seen so far. */
  readonly setCookies: readonly string[];
  /** Cookies now held for a host, by name. */
  cookies(host: string): Map<string, string>;
  /** A browser that holds the same cookies now and goes its own way from here. */
  copy(): FetchBrowser;
}

interface Cookie {
  readonly host: string;
  readonly name: string;
  readonly value: string;
  readonly path: string;
  readonly expires: number;
}

/** Makes a browser with no cookies. `origins` are ours: redirects to any other are not followed. */
export function createBrowser(origins: string | readonly string[], start: readonly Cookie[] = []): FetchBrowser {
  const ours = new Set((typeof origins === "string" ? [origins] : origins).map((origin) => new URL(origin).origin));
  let jar: Cookie[] = [...start];
  const setCookies: string[] = [];

  const cookiesFor = (url: URL) =>
    jar.filter((one) => one.host === url.hostname && pathMatches(one.path, url.pathname));

  const remember = (url: URL, headers: Headers) => {
    for (const line of headers.getSetCookie()) {
      setCookies.push(line);
      const cookie = readSetCookie(url, line);
      if (cookie === undefined) continue;
      jar = jar.filter((one) => one.host !== cookie.host || one.name !== cookie.name || one.path !== cookie.path);
      if (cookie.expires > Date.now()) jar.push(cookie);
    }
  };

  const go = async (
    start: URL,
    init: { method: string; headers?: Readonly<Record<string, string>>; body?: string },
  ): Promise<PageOf> => {
    const trail: { status: number; url: string; headers: Headers }[] = [];
    let url = start;
    let next = init;
    for (let hop = 0; hop < 20; hop++) {
      const cookies = cookiesFor(url)
        .map((one) => `${one.name}=${one.value}`)
        .join("; ");
      const response = await fetch(url, {
        method: next.method,
        redirect: "manual",
        headers: {
          Accept: "text/html,application/xhtml+xml",
          "User-Agent": "ValetkeyTest/1.0 (a browser without scripts)",
          "Sec-Fetch-Site": hop === 0 && init.method === "GET" ? "none" : "same-origin",
          ...(cookies === "" ? {} : { Cookie: cookies }),
          ...next.headers,
        },
        ...(next.body === undefined ? {} : { body: next.body }),
      });
      remember(url, response.headers);
      trail.push({ status: response.status, url: url.href, headers: response.headers });
      const location = response.headers.get("Location");
      const html = await response.text();
      if (location === null || response.status < 300 || response.status > 399)
        return pageOf(url, response, html, false, trail);
      const target = new URL(location, url);
      if (!ours.has(target.origin)) return pageOf(target, response, html, true, trail);
      // Fetch Standard §4.4: 301, 302 after POST and 303 become GET; 307 and 308 repeat the request with its body.
      next = response.status >= 307 ? { ...next } : { method: "GET" };
      url = target;
    }
    throw new Error(`more than 20 redirects:\n${trail.map((one) => `${one.status} ${one.url}`).join("\n")}`);
  };

  const submit = (url: URL, body: string, from: PageOf | undefined, headers: Readonly<Record<string, string>> = {}) =>
    go(url, {
      method: "POST",
      body,
      headers: {
        "Content-Type": "application/x-www-form-urlencoded",
        // Fetch Standard §3.2: a page that sends no referrer sends the origin `null`.
        Origin: from?.headers.get("Referrer-Policy")?.includes("no-referrer") === true ? "null" : url.origin,
        ...headers,
      },
    });

  return {
    open: (url, init) => go(new URL(url), { method: "GET", ...init }),
    post: (url, form, init) => submit(new URL(url), new URLSearchParams(form).toString(), undefined, init?.headers),
    press: (page, button, values = {}, init) => {
      const form = formsOf(page.html).find((one) => one.controls.some((tag) => isButton(tag, button)));
      if (!form)
        throw new Error(`no button ${button} in a form on ${page.url}: ${page.status} ${page.text.slice(0, 500)}`);
      const fields = fill(form.controls, button, values);
      const url = new URL(form.action === "" ? page.url : form.action, page.url);
      if (form.method === "post") return submit(url, fields.toString(), page, init?.headers);
      url.search = fields.toString();
      return go(url, { method: "GET", headers: { "Sec-Fetch-Site": "same-origin" } });
    },
    setCookies,
    cookies: (host) => new Map(jar.filter((one) => one.host === host).map((one) => [one.name, one.value])),
    copy: () => createBrowser([...ours], jar),
  };
}

const isButton = ({ name, attributes }: Tag, wanted: string): boolean =>
  (name === "button" || attributes.type === "submit") &&
  (attributes.id === wanted || `${attributes.name}=${attributes.value ?? ""}` === wanted);

/** What the form sends: successful controls with the values asked for. An unknown name is a mistake of the test. */
function fill(
  controls: readonly Tag[],
  button: string,
  values: Readonly<Record<string, string | boolean>>,
): URLSearchParams {
  const sent = new URLSearchParams();
  const used = new Set<string>();
  for (const control of controls) {
    const { name: tag, attributes, text } = control;
    const { id, name, type = tag === "button" ? "submit" : "text", value } = attributes;
    const key = id !== undefined && id in values ? id : name !== undefined && name in values ? name : undefined;
    const wanted = key === undefined ? undefined : values[key];
    if (key !== undefined) used.add(key);
    if (name === undefined || name === "" || "disabled" in attributes) continue;
    if (type === "submit" || tag === "button") {
      if (isButton(control, button)) sent.append(name, value ?? "");
    } else if (type === "checkbox" || type === "radio") {
      const on = wanted === undefined ? "checked" in attributes : wanted === true || wanted === (value ?? "on");
      if (on) sent.append(name, value ?? "on");
    } else sent.append(name, typeof wanted === "string" ? wanted : (value ?? (tag === "textarea" ? text : "")));
  }
  const unknown = Object.keys(values).filter((key) => !used.has(key));
  if (unknown.length > 0) throw new Error(`the form has no control ${unknown.join(", ")}`);
  return sent;
}

function pageOf(url: URL, response: Response, html: string, foreign: boolean, trail: PageOf["trail"]): PageOf {
  return {
    url,
    status: response.status,
    headers: response.headers,
    html,
    foreign,
    trail,
    text: textOf(html),
    has: (id) => byId(html, id) !== undefined,
    find: (id) => byId(html, id),
  };
}

function readSetCookie(url: URL, line: string): Cookie | undefined {
  const [pair = "", ...attributes] = line.split(";").map((part) => part.trim());
  const equals = pair.indexOf("=");
  if (equals <= 0) return undefined;
  const values = new Map(
    attributes.map((part) => {
      const [name = "", ...rest] = part.split("=");
      return [name.toLowerCase(), rest.join("=")];
    }),
  );
  const age = values.get("max-age");
  const date = values.get("expires");
  const expires =
    age !== undefined ? Date.now() + Number(age) * 1000 : date !== undefined ? Date.parse(date) : Infinity;
  const path = values.get("path") ?? "";
  return {
    host: url.hostname,
    name: pair.slice(0, equals),
    value: pair.slice(equals + 1),
    path: path.startsWith("/") ? path : url.pathname.slice(0, Math.max(1, url.pathname.lastIndexOf("/"))),
    expires,
  };
}

const pathMatches = (cookie: string, path: string): boolean =>
  path === cookie || (path.startsWith(cookie) && (cookie.endsWith("/") || path.charAt(cookie.length) === "/"));
