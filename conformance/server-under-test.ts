/**
 * Our server under TLS on loopback, composed as a plan needs it, with one person who has every standard claim.
 *
 * Guarantees that what is tested is `createServer` itself: nothing between the suite and it but node:https.
 */

import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer as createListener, type Server as Listener } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sendResponse, toRequest } from "@valetkey/protocol/node-http";
import { randomToken } from "@valetkey/protocol/random";
import { createKeys } from "@valetkey/provider/keys";
import type { Account, Peer } from "@valetkey/provider/op";
import { memoryStore } from "@valetkey/store/memory";
import { createServer, type Server, type ServerOptions } from "valetkey";
import { answerApi } from "./api.ts";
import { loopbackFetch } from "./loopback-fetch.ts";

/** The one person there is: what to type, and what is known of them (OpenID Connect Core §5.1). */
export const person = {
  username: "ada@example.org",
  password: "a password for the suite",
  account: {
    sub: "person-1",
    claims: {
      name: "Ada Muster",
      given_name: "Ada",
      family_name: "Muster",
      middle_name: "Erika",
      nickname: "ada",
      preferred_username: "ada",
      profile: "https://example.org/ada",
      picture: "https://example.org/ada.png",
      website: "https://example.org",
      gender: "female",
      birthdate: "1990-12-10",
      zoneinfo: "Europe/Zurich",
      locale: "en-GB",
      updated_at: 1_700_000_000,
      email: "ada@example.org",
      email_verified: true,
      phone_number: "+41 44 555 01 02",
      phone_number_verified: true,
      address: {
        formatted: "Musterweg 1\n8000 Zürich",
        street_address: "Musterweg 1",
        locality: "Zürich",
        postal_code: "8000",
        country: "CH",
      },
    },
  } satisfies Account,
};

/** Those of TLS 1.3, and of TLS 1.2 the two that RFC 9325 §4.2 recommends for an RSA certificate (FAPI 2.0 Security Profile §5.2.2). */
const ciphers = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES256-GCM-SHA384",
].join(":");

/** What a plan chooses: everything but what is the same for all. */
export type Composition = Omit<ServerOptions, "issuer" | "accounts" | "secret" | "store" | "keys" | "fetch">;

export interface ServerUnderTest {
  readonly issuer: string;
  readonly server: Server;
  /** Makes a new RSA key to sign with; the old one stays published. The suite's check of new keys knows no EdDSA. */
  rotateKeys(): Promise<void>;
  close(): Promise<void>;
}

/** Starts the server on a free port. Rejects if `openssl`, which makes the certificate, is not installed. */
export async function startServerUnderTest(compose: (issuer: string) => Composition): Promise<ServerUnderTest> {
  let answer: ((request: Request, peer: Peer) => Promise<Response>) | undefined;
  const listener: Listener = createListener(
    { ...makeCertificate(), ciphers, requestCert: true, rejectUnauthorized: false },
    async (incoming, outgoing) => {
      const certificate = peerCertificate(incoming.socket);
      const peer = { ip: incoming.socket.remoteAddress, ...(certificate === undefined ? {} : { certificate }) };
      const request = toRequest(incoming, { origin: issuer, response: outgoing });
      await sendResponse(outgoing, (await answer?.(request, peer)) ?? new Response(null, { status: 503 }));
    },
  );
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const issuer = `https://localhost:${(listener.address() as AddressInfo).port}`;
  const { account, username, password } = person;
  const store = memoryStore();
  const secret = randomToken();
  const keys = createKeys({ store, secret });
  const server = await createServer({
    ...compose(issuer),
    issuer,
    secret,
    store,
    keys,
    fetch: loopbackFetch,
    accounts: {
      find: (subject) => (subject === account.sub ? account : undefined),
      verify: (name, typed) =>
        name === username && typed === password ? { ok: true, subject: account.sub } : { ok: false },
    },
  });
  const api = answerApi(server);
  answer = async (request, peer) =>
    (await api(request)) ?? (await server.handle(request, peer)) ?? (await server.notFound(request));
  return {
    issuer,
    server,
    rotateKeys: () => keys.rotate("RS256"),
    async close() {
      listener.closeAllConnections();
      listener.close();
      await once(listener, "close");
    },
  };
}

function peerCertificate(socket: unknown): string | undefined {
  const { raw } = (socket as { getPeerCertificate(): { raw?: Buffer } }).getPeerCertificate() ?? {};
  return raw?.toString("base64");
}

/** A certificate for localhost that nobody signed, for one day. */
function makeCertificate(): { readonly key: Buffer; readonly cert: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), "valetkey-conformance-"));
  try {
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const what = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"];
    const names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    const made = spawnSync("openssl", [...what, ...names, "-keyout", key, "-out", cert], { encoding: "utf8" });
    if (made.status !== 0) throw new Error(`openssl made no certificate: ${made.error?.message ?? made.stderr}`);
    return { key: readFileSync(key), cert: readFileSync(cert) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
