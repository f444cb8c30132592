/**
 * A TLS server on loopback with a certificate that vouches for itself, made anew each time: no key is kept anywhere.
 *
 * X.509 v3 as RFC 5280 §4.1 has it, in DER by hand: a version, a number, names, ten years and a key.
 */
import { generateKeyPairSync, sign } from "node:crypto";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";

const der = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  const length = body.length < 128 ? [body.length] : [0x82, body.length >> 8, body.length & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
};
const sequence = (...parts: readonly Uint8Array[]) => der(0x30, ...parts);
const hex = (text: string) => Buffer.from(text, "hex");
const time = (at: Date) =>
  der(
    0x17,
    Buffer.from(
      `${at
        .toISOString()
        .replace(/[-:T]|\.\d+/g, "")
        .slice(2, 14)}Z`,
    ),
  );

function selfSigned(): { readonly key: string; readonly cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  // ecdsa-with-SHA256 (RFC 5758 §3.2) and the common name "localhost" (RFC 5280 §4.1.2.4).
  const algorithm = sequence(der(0x06, hex("2a8648ce3d040302")));
  const name = sequence(der(0x31, sequence(der(0x06, hex("550403")), der(0x0c, Buffer.from("localhost")))));
  const now = Date.now();
  const validity = sequence(time(new Date(now - 86_400_000)), time(new Date(now + 86_400_000)));
  const key = publicKey.export({ type: "spki", format: "der" });
  const body = sequence(der(0xa0, der(0x02, hex("02"))), der(0x02, hex("01")), algorithm, name, validity, name, key);
  const signature = der(0x03, hex("00"), sign("sha256", body, privateKey));
  const cert = sequence(body, algorithm, signature).toString("base64").replace(/.{64}/g, "$&\n");
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${cert}\n-----END CERTIFICATE-----\n`,
  };
}

/** Starts it; `url` is an https address nobody has a reason to trust. */
export async function startSelfSigned(): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer(selfSigned(), (_, res) => res.end("{}"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
