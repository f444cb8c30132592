/**
 * A browser that keeps cookies as browsers do, for sites that are all on loopback: names and https are played, the rules are real.
 *
 * RFC 6265bis §4.1.2 and §5.6: by host and not by port, Secure, `__Host-`, SameSite. A form on a page is posted at once, as the
 * pages of form_post do with a script.
 */
import { request as send } from "node:http";

/** Where sites are in truth: origin → port on loopback. An https origin has a proxy before it that ends TLS. */
export type Sites = Readonly<Record<string, number>>;

export interface Page {
  readonly status: number;
  readonly url: URL;
  readonly text: string;
  readonly headers: Headers;
  /** Addresses on the way here, this one last. */
  readonly trail: readonly string[];
}

interface Cookie {
  readonly value: string;
  readonly secure: boolean;
  readonly sameSite: string;
}

export interface BrowserHabits {
  readonly sites?: Sites;
  /** Keeps no cookies at all. */
  readonly cookies?: "blocked";
  /** What something on the way makes of each cookie. */
  readonly sameSite?: "Lax";
  /** Sent with every request, as a proxy before the sites would. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Stops before this address is opened. */
  readonly stopAt?: RegExp;
}

const mostHops = 12;

export class CookieBrowser {
  /** Host and name → cookie. */
  readonly jar: Map<string, Cookie>;
  readonly #habits: BrowserHabits;

  constructor(habits: BrowserHabits = {}, jar = new Map<string, Cookie>()) {
    this.#habits = habits;
    this.jar = jar;
  }

  /** The same browser when sites are elsewhere, or `fresh`, another one; it stops nowhere unless told. */
  at(sites: Sites, which?: "fresh", stopAt?: RegExp): CookieBrowser {
    const { stopAt: _, ...habits } = this.#habits;
    const next = { ...habits, sites: { ...habits.sites, ...sites }, ...(stopAt === undefined ? {} : { stopAt }) };
    return new CookieBrowser(next, which === undefined ? this.jar : new Map());
  }

  /** Opens an address and follows redirects and posted forms to the end. */
  async open(address: string, form?: string): Promise<Page> {
    const trail: string[] = [];
    let [at, body, from] = [new URL(address), form, undefined as URL | undefined];
    for (;;) {
      trail.push(at.href);
      const answer = await this.#exchange(at, body, from);
      const { stopAt } = this.#habits;
      const location = answer.headers.get("location");
      const posted = /<form method="post" action="([^"]+)">([\s\S]*?)<\/form>/.exec(answer.text);
      const next = location ?? (answer.status === 200 && posted?.[0].includes("data-at-once") ? posted[1] : undefined);
      const page = { ...answer, url: at, trail };
      if (next === undefined || next === "") return page;
      const target = new URL(next, at);
      if (stopAt?.test(target.href)) return { ...page, trail: [...trail, target.href] };
      if (trail.length > mostHops) throw new Error(`a circle: ${trail.slice(-4).join(" ")}`);
      from = at;
      at = target;
      body = location === null ? fieldsOf(posted?.[2] ?? "") : undefined;
    }
  }

  #exchange(at: URL, body: string | undefined, from: URL | undefined): Promise<Omit<Page, "url" | "trail">> {
    const port = this.#habits.sites?.[at.origin] ?? Number(at.port);
    const crossSite = from !== undefined && from.hostname !== at.hostname;
    const cookie = this.#cookiesFor(at, crossSite && body !== undefined);
    const headers = {
      Host: at.host,
      Accept: "text/html",
      ...(cookie === "" ? {} : { Cookie: cookie }),
      ...(body === undefined ? {} : { "Content-Type": "application/x-www-form-urlencoded" }),
      ...this.#habits.headers,
    };
    return new Promise((resolve, reject) => {
      const method = body === undefined ? "GET" : "POST";
      const path = at.pathname + at.search;
      const request = send({ host: "127.0.0.1", port, method, path, headers, agent: false }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("error", reject);
        response.on("end", () => {
          for (const line of response.headers["set-cookie"] ?? []) this.#keep(at, line);
          const fields = new Headers();
          for (const [name, value] of Object.entries(response.headers))
            if (typeof value === "string") fields.set(name, value);
          resolve({ status: response.statusCode ?? 0, text, headers: fields });
        });
      });
      request.on("error", reject);
      request.end(body);
    });
  }

  #cookiesFor(at: URL, crossSitePost: boolean): string {
    return [...this.jar]
      .filter(([key, { secure, sameSite }]) => {
        if (!key.startsWith(`${at.hostname} `) || (secure && !isTrustworthy(at))) return false;
        return !crossSitePost || sameSite === "None";
      })
      .map(([key, { value }]) => `${key.split(" ")[1]}=${value}`)
      .join("; ");
  }

  #keep(at: URL, line: string): void {
    if (this.#habits.cookies === "blocked") return;
    const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    const secure = /;\s*Secure/i.test(line);
    const sameSite = this.#habits.sameSite ?? /;\s*SameSite=(\w+)/i.exec(line)?.[1] ?? "Lax";
    if ((secure || name.startsWith("__Host-")) && !isTrustworthy(at)) return;
    if (sameSite === "None" && !secure) return;
    const key = `${at.hostname} ${name}`;
    if (/Max-Age=0\b/i.test(line)) this.jar.delete(key);
    else this.jar.set(key, { value, secure, sameSite });
  }
}

/** Browsers take Secure cookies over https, and on this machine. */
const isTrustworthy = (at: URL): boolean =>
  at.protocol === "https:" || at.hostname === "localhost" || at.hostname === "127.0.0.1";

function fieldsOf(html: string): string {
  const fields = new URLSearchParams();
  for (const [, name = "", value = ""] of html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)) {
    fields.append(name, value);
  }
  return fields.toString();
}
