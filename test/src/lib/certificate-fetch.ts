/**
 * The `fetch` of an application with a certificate, as docs/bound-tokens.md shows it.
 */
import { Agent, request } from "node:https";
import { Readable } from "node:stream";

/** Gives a `fetch` whose https connections carry a certificate; `key`, `cert` and `ca` in PEM. Redirects are handed back. */
export function certificateFetch(tls: { key: string; cert: string; ca?: string }): typeof fetch {
  const agent = new Agent({ ...tls, keepAlive: true });
  return async (input, init) => {
    const asked = new Request(input, init);
    const { url, method, signal } = asked;
    if (!url.startsWith("https:")) return fetch(asked, { redirect: "manual" });
    const body = Buffer.from(await asked.arrayBuffer());
    const headers = { ...Object.fromEntries(asked.headers), "content-length": String(body.length) };
    return new Promise((resolve, reject) => {
      const sent = request(url, { agent, method, headers, signal }, (answer) => {
        const fields = new Headers();
        for (const [name, values] of Object.entries(answer.headersDistinct)) {
          for (const value of values ?? []) fields.append(name, value);
        }
        const status = answer.statusCode ?? 0;
        const empty = method === "HEAD" || [204, 205, 304].includes(status);
        resolve(new Response(empty ? null : (Readable.toWeb(answer) as ReadableStream), { status, headers: fields }));
      });
      sent.on("error", reject).end(body);
    });
  };
}
