/**
 * A browser without scripts, in the same process: keeps cookies, follows redirects under the issuer, sends forms as they are.
 */
import assert from "node:assert/strict";
import type { Server } from "./server-options.ts";

/** A page as it arrived; `location` is set when it ended in a redirect to somewhere else. */
export interface Visited {
  readonly status: number;
  readonly url: string;
  readonly html: string;
  readonly headers: Headers;
  readonly location?: string;
}

export interface Visitor {
  readonly cookies: Map<string, string>;
  go(url: string, headers?: Record<string, string>): Promise<Visited>;
  /** Sends the page's form that has this button, with what its fields hold and `fields` over it; no button: the first form. */
  send(page: Visited, fields?: Record<string, string | string[]>, button?: string): Promise<Visited>;
  post(url: string, body: string, headers?: Record<string, string>): Promise<Visited>;
}

/** Opens a browser at a server; `ip` is where it seems to come from. */
export function visit(server: Pick<Server, "handle" | "issuer">, ip = "203.0.113.7"): Visitor {
  const cookies = new Map<string, string>();

  const once = async (request: Request): Promise<Response> => {
    if (cookies.size > 0)
      request.headers.set("cookie", [...cookies].map(([name, value]) => `${name}=${value}`).join("; "));
    const response = (await server.handle(request, { ip })) ?? new Response("not ours", { status: 404 });
    for (const line of response.headers.getSetCookie()) {
      const [pair = "", ...attributes] = line.split("; ");
      const [name = "", value = ""] = pair.split(/=(.*)/s);
      if (attributes.includes("Max-Age=0")) cookies.delete(name);
      else cookies.set(name, value);
    }
    return response;
  };

  const follow = async (request: Request): Promise<Visited> => {
    let response = await once(request);
    let { url } = request;
    for (let hops = 0; hops < 10; hops++) {
      const location = response.headers.get("location");
      if (location === null)
        return { status: response.status, url, html: await response.text(), headers: response.headers };
      assert.equal(response.status, 303, "every redirect is a 303");
      const next = new URL(location, url);
      const { status, headers } = response;
      if (next.origin !== new URL(server.issuer).origin) return { status, url, html: "", headers, location: next.href };
      url = next.href;
      response = await once(new Request(next, { headers: { "sec-fetch-site": "same-origin" } }));
    }
    throw new Error("redirected more than ten times");
  };

  const post: Visitor["post"] = (url, body, headers = {}) =>
    follow(
      new Request(new URL(url, server.issuer), {
        method: "POST",
        body,
        headers: {
          "content-type": "application/x-www-form-urlencoded",
          "sec-fetch-site": "same-origin",
          origin: "null",
          ...headers,
        },
      }),
    );

  return {
    cookies,
    go: (url, headers = {}) => follow(new Request(new URL(url, server.issuer), { headers })),
    post,
    send(page, fields = {}, button) {
      const { action, body } = fillForm(page.html, fields, button);
      return post(new URL(action, page.url).href, body);
    },
  };
}

function fillForm(html: string, fields: Record<string, string | string[]>, button?: string) {
  const forms = html.match(/<form[\s\S]*?<\/form>/g) ?? [];
  const form = forms.find((one) => button === undefined || one.includes(`id="${button}"`)) ?? "";
  assert.notEqual(form, "", `there is a form with the button ${button}`);
  const data = new URLSearchParams();
  for (const input of form.match(/<input[^>]*>/g) ?? []) {
    const name = attribute(input, "name");
    const ticked = attribute(input, "type") !== "checkbox" || /\schecked/.test(input);
    if (name !== undefined && ticked && fields[name] === undefined) data.append(name, attribute(input, "value") ?? "");
  }
  for (const [name, value] of Object.entries(fields)) for (const one of [value].flat()) data.append(name, one);
  const pressed = button === undefined ? undefined : form.match(new RegExp(`<button[^>]*id="${button}"[^>]*>`))?.[0];
  const name = pressed && attribute(pressed, "name");
  if (name !== undefined) data.append(name, attribute(pressed ?? "", "value") ?? "");
  return { action: attribute(form, "action") ?? "", body: data.toString() };
}

function attribute(tag: string, name: string): string | undefined {
  const value = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1];
  return value
    ?.replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}
