/**
 * The fetch of a server that calls addresses strangers name: key sets, client documents, logout and request URLs.
 *
 * OWASP SSRF Prevention; draft-ietf-oauth-client-id-metadata-document §9.6; RFC 9110 §15.4. The one property: it connects to no address
 * that was not checked, so neither a name that resolves to an inner host, nor one that changes its mind, nor a redirect leads
 * into one's own network. Time and size are bounded by whoever calls, and here once more.
 */
import { type LookupAddress, promises } from "node:dns";
import type { LookupFunction } from "node:net";
import { isLoopbackHost } from "@valetkey/protocol/loopback";
import type { Agent, RequestInit as CallInit } from "undici";
import { isLoopbackAddress, kindOfAddress } from "./public-address.ts";

/** What a server may call beside public hosts at port 443. */
export interface Outbound {
  /** Hosts in one's own network: `rp.internal` (port 443) or `rp.internal:8443`. They are called by https, too. */
  readonly allow?: readonly string[];
  /** Ports at which public hosts may be called; `[443]` unless given. */
  readonly ports?: readonly number[];
}

export interface GuardOptions extends Outbound {
  /** Hosts that are loopback by name may be called, at any port, also by http: for an issuer that is itself there. */
  readonly loopback?: boolean;
  /** Finds the addresses of a name; the system's resolver unless given. */
  readonly resolve?: (host: string) => Promise<readonly LookupAddress[]>;
  /** Certificates (PEM) to trust instead of those Node knows. `NODE_EXTRA_CA_CERTS` adds to those. */
  readonly ca?: string;
}

/** The address must not be called from here. The message is for the log. */
export class OutboundRefused extends Error {
  override readonly name = "OutboundRefused";
}

/** Milliseconds: nothing that is called from here may keep it waiting longer. */
const patience = 10_000;
const mebibyte = 1_048_576;

/** Reads an entry of `allow`: its host and port as URLs have them. Nothing if it is no host with or without a port. */
export function readAllowed(entry: string): { readonly hostname: string; readonly port: number } | undefined {
  if (!/^(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.test(entry) || !URL.canParse(`https://${entry}`))
    return undefined;
  const { hostname, port } = new URL(`https://${entry}`);
  return { hostname, port: Number(port || 443) };
}

/**
 * Creates the fetch. It takes an address and what `fetch` takes beside it, follows no redirect (`redirect: "manual"` hands the
 * 3xx back, anything else rejects) and uses no proxy. Rejects with `OutboundRefused` for what must not be called.
 *
 * ```ts
 * const fetch = guardedFetch({ allow: ["rp.internal:8443"] });
 * ```
 */
export function guardedFetch(options: GuardOptions = {}): typeof fetch {
  const { loopback = false, ports = [443], resolve = resolveName, ca } = options;
  const allowed = (options.allow ?? []).map((entry) => {
    const read = readAllowed(entry);
    if (read === undefined) throw new TypeError(`outbound.allow: ${entry} is no host with or without a port`);
    return read;
  });
  const isAllowed = (host: string) => allowed.some(({ hostname }) => hostname === host);

  /** Refuses an address this name must not lead to. */
  const checkAddress = (host: string, address: string): void => {
    const kind = kindOfAddress(address);
    if (kind === "public") return;
    // Development: only what is loopback by name, and nothing else that such a name might be made to mean.
    if (loopback && isLoopbackHost(host) && isLoopbackAddress(address)) return;
    if (kind === "local" && isAllowed(host)) return;
    throw new OutboundRefused(`${host} has an address that is not public: ${address}`);
  };

  const lookup: LookupFunction = (host, _options, done) => {
    resolve(host).then(
      (addresses) => {
        try {
          if (addresses.length === 0) throw new OutboundRefused(`${host} has no address`);
          // One bad address spoils the name: whoever mixes them is trying something.
          for (const { address } of addresses) checkAddress(host, address);
          // What was checked is what is connected to: nobody resolves the name a second time.
          done(null, [...addresses]);
        } catch (error) {
          done(error as Error, []);
        }
      },
      (error: unknown) => done(error as Error, []),
    );
  };
  // Loaded when something is called for the first time: many servers, and most commands, never do.
  let loaded: Promise<{ readonly fetch: typeof import("undici").fetch; readonly dispatcher: Agent }> | undefined;
  const load = async () => {
    const undici = await import("undici");
    return { fetch: undici.fetch, dispatcher: new undici.Agent(agentOptions) };
  };
  const agentOptions: Agent.Options = {
    allowH2: false,
    // Written out: `lookup` must answer with the list.
    autoSelectFamily: true,
    connections: 8,
    maxOrigins: 1000,
    keepAliveMaxTimeout: patience,
    headersTimeout: patience,
    bodyTimeout: patience,
    maxResponseSize: mebibyte,
    connect: { lookup, timeout: patience / 2, ...(ca === undefined ? {} : { ca }) },
  };

  const checkUrl = (url: URL): void => {
    const { protocol, hostname, username, password } = url;
    const port = Number(url.port || (protocol === "https:" ? 443 : 80));
    if (username !== "" || password !== "") throw new OutboundRefused("an address with user information is not called");
    const here = loopback && isLoopbackHost(hostname);
    if (protocol !== "https:" && !(protocol === "http:" && here))
      throw new OutboundRefused(`${protocol}//${hostname} is not https`);
    const named = allowed.some((one) => one.hostname === hostname && one.port === port);
    // What is allowed in one's own network is allowed at its port, whichever ports public hosts may be called at.
    if (!here && !named && (isAllowed(hostname) || !ports.includes(port)))
      throw new OutboundRefused(`${hostname} is not called at port ${port}`);
    // An address instead of a name is never looked up.
    const literal = hostname.replace(/^\[|\]$/g, "");
    if (/^[\d.]+$|:/.test(literal)) checkAddress(hostname, literal);
  };

  return async (input, init = {}) => {
    if (input instanceof Request) throw new TypeError("the guarded fetch takes an address, not a Request");
    const url = new URL(input);
    checkUrl(url);
    // A form brings its own type; what is sent from here is short.
    const { method, headers, body } = await readInit(url, init);
    // Nothing compressed is needed, and what is not compressed cannot grow.
    headers.set("Accept-Encoding", "identity");
    headers.set("User-Agent", "valetkey");
    loaded ??= load();
    const { fetch, dispatcher } = await loaded;
    const answer = await call(fetch, url, {
      dispatcher,
      method,
      headers: [...headers],
      redirect: init.redirect === "manual" ? "manual" : "error",
      ...(body === undefined ? {} : { body }),
      ...(init.signal === undefined || init.signal === null ? {} : { signal: init.signal }),
    });
    const { status, statusText } = answer;
    // RFC 9110 §8.4: one encoding can be undone within bounds; whoever stacks them wants it to grow.
    if ((answer.headers.get("content-encoding") ?? "").includes(",")) {
      await answer.body?.cancel();
      throw new OutboundRefused(`${url.hostname} answers with a body that is encoded several times`);
    }
    return new Response(answer.body as ReadableStream<Uint8Array> | null, {
      status,
      statusText,
      headers: [...answer.headers],
    });
  };
}

/** Calls; what was refused while connecting is told as what it is. */
async function call(fetch: typeof import("undici").fetch, url: URL, init: CallInit) {
  try {
    return await fetch(url, init);
  } catch (error) {
    const { cause } = error as { cause?: unknown };
    throw cause instanceof OutboundRefused ? cause : error;
  }
}

/** Reads what is to be sent as `fetch` reads it: a form brings its own type. It is short, whatever it is. */
async function readInit(url: URL, { method = "GET", headers, body }: RequestInit) {
  const request = new Request(url, { method, ...(headers && { headers }), ...(body && { body }) });
  const bytes = body === undefined || body === null ? undefined : new Uint8Array(await request.arrayBuffer());
  return { method, headers: request.headers, body: bytes };
}

const resolveName = (host: string): Promise<LookupAddress[]> => promises.lookup(host, { all: true });
