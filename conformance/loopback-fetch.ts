/**
 * A `fetch` for servers on this machine that made their own certificates.
 *
 * The conformance suite and the server under test both run under TLS here, with certificates nobody signed. Guarantees that
 * certificates go unchecked for loopback hosts only: every other host is refused before anything is sent.
 */
import { request as httpsRequest } from "node:https";
import { isLoopbackHost } from "@valetkey/protocol/loopback";

/** Fetches an https URL on loopback whatever its certificate; redirects are not followed. Rejects for any other URL. */
export const loopbackFetch: typeof fetch = async (input, init) => {
  const request = new Request(input, init);
  const url = new URL(request.url);
  if (url.protocol !== "https:" || !isLoopbackHost(url.hostname)) {
    throw new TypeError(`only https on loopback is fetched here, got ${url.origin}`);
  }
  const body = Buffer.from(await request.arrayBuffer());
  const headers: Record<string, string> = { ...Object.fromEntries(request.headers) };
  if (body.length > 0) headers["content-length"] = String(body.length);
  return new Promise((resolve, reject) => {
    const { method, signal } = request;
    const options = { method, headers, signal, rejectUnauthorized: false };
    const outgoing = httpsRequest(url, options, async (incoming) => {
      try {
        const chunks: Buffer[] = [];
        for await (const chunk of incoming) chunks.push(chunk as Buffer);
        const status = incoming.statusCode ?? 502;
        const received = new Headers();
        for (const [name, value] of Object.entries(incoming.headersDistinct)) {
          for (const one of value ?? []) received.append(name, one);
        }
        const bodyless = status === 204 || status === 205 || status === 304;
        resolve(new Response(bodyless ? null : Buffer.concat(chunks), { status, headers: received }));
      } catch (error) {
        reject(error);
      }
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
};
