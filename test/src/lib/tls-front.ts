/**
 * What stands in front of a server that does not end TLS itself: asks for certificates, and passes on what it saw.
 *
 * RFC 9440 §2 (`Client-Cert`), §4: the header is set or removed on every request, whatever the client sent. It speaks to the server
 * from an address of its own, so that the server can tell it from everybody else on this machine.
 */
import { once } from "node:events";
import { request } from "node:http";
import { createServer } from "node:https";
import type { TLSSocket } from "node:tls";
import type { Pair } from "./certificates.ts";

/** The front's own address. */
export const frontAddress = "127.0.0.2";

export interface TlsFront {
  readonly port: number;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts the front on a port; `ca` signs the certificates it calls verified. `target`: the port of the server behind it. */
export async function startTlsFront(
  options: Pair & { readonly ca: string; readonly port: number; readonly target: () => number },
): Promise<TlsFront> {
  const { key, cert, ca, port, target } = options;
  const server = createServer({ key, cert, ca, requestCert: true, rejectUnauthorized: false }, (incoming, outgoing) => {
    const socket = incoming.socket as TLSSocket;
    const raw = socket.getPeerX509Certificate()?.raw;
    const { "client-cert": _, "x-ssl-client-verify": __, ...headers } = incoming.headers;
    const seen = raw === undefined ? {} : { "client-cert": `:${raw.toString("base64")}:` };
    const verified = { "x-ssl-client-verify": socket.authorized ? "SUCCESS" : "NONE" };
    const onward = request(
      {
        host: "127.0.0.1",
        port: target(),
        localAddress: frontAddress,
        method: incoming.method,
        path: incoming.url,
        headers: { ...headers, ...seen, ...verified },
      },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    onward.on("error", () => outgoing.writeHead(502).end());
    incoming.pipe(onward);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
