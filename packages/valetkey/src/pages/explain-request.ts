/**
 * What an authorization request got wrong, for the developer on whose computer the server runs.
 *
 * RFC 6749 §3.1.2.4 and §4.1.2.1, RFC 9700 §2.1. Used on loopback issuers only: it names registered redirect URIs.
 */
import type { Clients } from "@valetkey/provider/options";
import type { Explanation } from "./error.tsx";

/** Explains a refused request from its query; nothing if there is nothing to add to the description. */
export async function explainRequest(
  request: Request,
  issuer: string,
  clients: Pick<Clients, "find">,
): Promise<Explanation | undefined> {
  const url = new URL(request.url);
  const home = new URL(issuer);
  const host = request.headers.get("host") ?? url.host;
  if (host !== home.host) return wrongHost(host, home);
  const [client_id, ...others] = url.searchParams.getAll("client_id");
  if (client_id === undefined || others.length > 0) {
    return {
      got: client_id === undefined ? "no client_id" : "client_id more than once",
      expected: "one client_id",
      fix: "Send the client_id that `valetkey client add` printed.",
    };
  }
  const client = await clients.find(client_id.slice(0, 512));
  // An unknown client and a disabled one are one page: whoever guesses ids learns nothing here either.
  if (client === undefined || client.disabled) {
    return {
      got: `client_id=${shorten(client_id)}`,
      expected: "the client_id of a registered client that is not disabled",
      fix: "`valetkey client list` shows those there are, `valetkey client add` makes one.",
    };
  }
  const leaving = url.searchParams.has("post_logout_redirect_uri");
  const name = leaving ? "post_logout_redirect_uri" : "redirect_uri";
  const sent = url.searchParams.get(name);
  const registered = client.metadata[leaving ? "post_logout_redirect_uris" : "redirect_uris"] ?? [];
  if (sent === null || registered.includes(sent)) return undefined;
  // RFC 8252 §7.3, for redirect_uris alone.
  const compared = leaving ? "character by character" : "character by character, but for the port on localhost";
  const flag = leaving ? "--post-logout-redirect-uri" : "--redirect-uri";
  return {
    got: `${name}=${shorten(sent)}`,
    expected: registered.length === 0 ? `(no ${name} is registered)` : registered.map(shorten).join("\n"),
    fix: `It is compared ${compared}. Send the registered one, or register this one: \`valetkey client set ${shorten(client_id)} ${flag} …\`.`,
  };
}

/** A cookie set for one host name is not sent to another: the commonest reason for lost state on one's own computer. */
export function wrongHost(host: string, home: URL): Explanation {
  return {
    got: `the address ${home.protocol}//${shorten(host)}`,
    expected: `the address ${home.origin}, as configured`,
    fix: `Use ${home.origin} everywhere, or set the issuer to the address you use: cookies do not go from one name to the other.`,
  };
}

const shorten = (text: string): string => (text.length > 200 ? `${text.slice(0, 200)}…` : text);
