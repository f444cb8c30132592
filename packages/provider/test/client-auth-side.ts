/**
 * Requests of clients that prove themselves in other ways than by a secret, for the specification files of those ways.
 */
import { type AssertionSigner, clientAssertionType, createClientAssertion } from "@valetkey/protocol/client-assertion";
import { generateKey, type Jwk, type SigningKey, signJwt } from "@valetkey/protocol/jose";
import type { Peer } from "@valetkey/provider/op";
import { issuer, type TestClient, type World } from "./op.ts";
import { type Fields, service } from "./token-side.ts";

/** A client of no secret that acts on its own behalf. */
export const machine = (client_id: string, more: Omit<TestClient, "client_id">): TestClient => {
  const { client_secret: _, ...base } = service;
  return { ...base, ...more, client_id };
};

/** Sends a form as somebody on a connection of their own. */
export async function ask(
  world: World,
  path: string,
  fields: Fields,
  { headers = {}, ...peer }: Peer & { readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<Response> {
  const body = new URLSearchParams();
  for (const [name, value] of Object.entries(fields))
    for (const one of typeof value === "string" ? [value] : (value ?? [])) body.append(name, one);
  const request = new Request(new URL(path, issuer), { method: "POST", body, headers });
  const response = await world.provider.handle(request, { ip: "192.0.2.7", ...peer });
  if (response === undefined) throw new Error(`not a URL of the provider: ${path}`);
  return response;
}

/** A request for a token of the client's own, with an assertion. */
export const asking = (client_assertion: string, more: Fields = {}): Fields => ({
  grant_type: "client_credentials",
  client_assertion_type: clientAssertionType,
  client_assertion,
  ...more,
});

/** An assertion as our own client makes it. */
export function assertionBy(world: World, client_id: string, signer: AssertionSigner, lifetime = 60): Promise<string> {
  return createClientAssertion({ client_id, issuer, signer, now: world.clock.now, lifetime });
}

export const signerOf = ({ privateJwk, alg, kid }: SigningKey): AssertionSigner => ({
  private_key: privateJwk,
  alg,
  kid,
});

/** A JWT with any claims and header: right ones unless changed, `undefined` leaves one out. */
export async function forge(
  world: World,
  key: SigningKey,
  client_id: string,
  changes: Readonly<Record<string, unknown>> = {},
  header: { readonly typ?: string; readonly kid?: string; readonly by?: Jwk } = {},
): Promise<string> {
  const now = Math.floor(world.clock.now / 1000);
  const claims = {
    iss: client_id,
    sub: client_id,
    aud: issuer,
    iat: now,
    exp: now + 60,
    jti: crypto.randomUUID(),
    ...changes,
  };
  const { kid = key.kid, typ, by = key.privateJwk } = header;
  return signJwt(claims, { key: by, alg: key.alg, kid, ...(typ === undefined ? {} : { typ }) });
}

/** Keys are slow to make: one of each for a file. */
export const makeKeys = () => Promise.all([generateKey("ES256"), generateKey("ES256")]);

/** A `fetch` that serves JSON by URL, counts, and fails for what it does not know. */
export function serving(documents: Record<string, unknown>) {
  const asked: string[] = [];
  const fetch = async (url: string | URL | Request) => {
    const href = String(url instanceof Request ? url.url : url);
    asked.push(href);
    if (documents[href] === undefined) throw new TypeError(`nobody answers at ${href}`);
    return Response.json(documents[href]);
  };
  return { asked, documents, fetch: fetch as typeof globalThis.fetch };
}
