/**
 * Signs in with a code that the person enters on another device.
 *
 * RFC 8628 §3.2 to §3.5 and §5.4, RFC 10027.
 * Guarantees that the code and the address to enter it at are always there in words; the QR code is only a shorter way.
 */
import { renderUnicodeCompact } from "uqr";
import { type DeviceCode, pollDevice, startDeviceAuthorization } from "../device.ts";
import type { Asking, SignedIn } from "./sign-in.ts";
import type { Terminal } from "./terminal.ts";

/** Longest address that is still read well from a screen. */
const longestForQr = 300;

/** Shows the code and polls. A denial is `access_denied`; nobody in time is `token_refused` with the `error` `expired_token`. */
export async function byDevice(
  terminal: Terminal,
  { metadata, scope, identify }: Asking,
): Promise<NonNullable<SignedIn>> {
  const { client, fetch, now, resource, signal, wait, say } = terminal;
  const at = { metadata, client, fetch, now };
  const device = await startDeviceAuthorization({ ...at, scope, resource });
  say(wordsFor(terminal, device));
  const waiting = { ...(signal === undefined ? {} : { signal }), ...(wait === undefined ? {} : { wait }) };
  const tokens = await pollDevice(device, { ...at, ...waiting });
  return { tokens, user: await identify(tokens, {}) };
}

function wordsFor({ output, now }: Terminal, device: DeviceCode): string {
  const { verification_uri, verification_uri_complete = verification_uri, user_code, expiresAt } = device;
  const minutes = Math.max(1, Math.floor((expiresAt - now()) / 60_000));
  return [
    "To sign in, open this address on any device:\n",
    `  ${verification_uri}\n`,
    "and enter this code:\n",
    `  ${user_code}\n`,
    // RFC 8628 §5.4: somebody may have sent it to the person.
    "Go on there only if the page shows the same code and you started this yourself.",
    ...(output.isTTY === true ? qrOf(verification_uri_complete, output.columns ?? 80) : []),
    `\nWaiting for you, ${minutes} minute${minutes === 1 ? "" : "s"} at most …\n`,
  ].join("\n");
}

/** Lines of a QR code of the address, unless it would not fit or not be readable. */
function qrOf(url: string, columns: number): string[] {
  if (url.length > longestForQr) return [];
  // Quiet zone of four modules (ISO/IEC 18004 §9.1); light on dark, as most terminals are, is read as well as the reverse.
  const lines = renderUnicodeCompact(url, { border: 4 }).split("\n");
  return (lines[0]?.length ?? 0) > columns ? [] : ["\nOr scan this:\n", ...lines];
}
