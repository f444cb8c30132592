/**
 * Binding: the proof that a caller holds a key, which ends up as `cnf` in what is issued (RFC 7800 §3.1, RFC 9449 §5 and §6,
 * RFC 8705 §3 and §4).
 *
 * Guarantees that a client which must have bound tokens never gets a bearer token, that a request proves one key, and that what
 * was bound to a key is of no use with another one, or with none.
 */
import { invalidGrant, invalidRequest, invalidToken, type OAuthError } from "@valetkey/protocol/errors";
import type { Client } from "../clients.ts";
import type { GrantData } from "../entries.ts";
import type { Op, Peer } from "../op.ts";
import type { Part } from "../part.ts";

/** What a token is bound to. */
export interface Confirmation {
  /** Thumbprint of a DPoP key (RFC 9449 §6.1). */
  readonly jkt?: string;
  /** Thumbprint of a certificate (RFC 8705 §3.1). */
  readonly "x5t#S256"?: string;
}

export interface Binding {
  readonly cnf: Confirmation;
  readonly token_type: "DPoP" | "Bearer";
  /** For the answer: the next nonce. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A token as it was presented at an endpoint of ours. */
export interface Presented {
  readonly scheme: "Bearer" | "DPoP";
  readonly token: string;
  readonly peer: Peer;
}

export interface BindingMethod extends Part {
  readonly binding: "dpop" | "tls";
  /** Whether this client registered that its tokens are bound like this. */
  wantedBy(client: Client): boolean;
  /** Reads the proof that came with a request; nothing if there is none. Throws `invalid_dpop_proof`, `use_dpop_nonce`. */
  read(op: Op, request: Request, peer: Peer, client: Client): Promise<Binding | undefined>;
  /** Checks that a token bound to `cnf` is presented by whoever holds the key. Throws 401 with a challenge. */
  checkPresented(op: Op, request: Request, presented: Presented, cnf: Confirmation): Promise<void>;
}

/** Reads the binding of a request for tokens; nothing for a bearer token. Throws `invalid_request` where one is required. */
export async function readBinding(op: Op, request: Request, peer: Peer, client: Client): Promise<Binding | undefined> {
  const binding = await findBinding(op, request, peer, client);
  if (binding === undefined && isRequired(op, client))
    throw invalidRequest(
      "this client gets tokens only that are bound to a key: send a DPoP proof or use its certificate",
    );
  return binding;
}

/** Reads the proof a request came with, if any: where none is required yet (RFC 9449 §10.1). */
export async function findBinding(op: Op, request: Request, peer: Peer, client: Client): Promise<Binding | undefined> {
  const found: Binding[] = [];
  for (const method of op.bindings) {
    const binding = await method.read(op, request, peer, client);
    if (binding !== undefined) found.push(binding);
  }
  // Both at once: the one the client registered for, or else the proof it took the trouble to sign.
  return found.find(({ cnf }) => cnf.jkt !== undefined) ?? found[0];
}

/** Tells whether this client gets tokens only that are bound to a key. */
export function isRequired(op: Op, client: Client): boolean {
  return op.boundTokens({ client }) || op.bindings.some((method) => method.wantedBy(client));
}

/**
 * What a new grant must remember: the refresh tokens of a public client are bound to its key (RFC 9449 §5, RFC 8705 §4), those of
 * an attested installation to that installation, and those of a client that says itself how it authenticates to that.
 */
export function bindingOfGrant(
  client: Client,
  binding: Binding | undefined,
): Pick<GrantData, "cnf" | "instance" | "method"> {
  const { method, provenance } = client;
  return {
    ...(client.confidential || binding === undefined ? {} : { cnf: binding.cnf }),
    ...(client.instance === undefined ? {} : { instance: client.instance }),
    ...(method === undefined || provenance !== "document" ? {} : { method }),
  };
}

/** Tells whether a client that proved who it is when it got this now comes without proof. */
export function fallsBack({ method }: Pick<GrantData, "method">, client: Client): boolean {
  return method !== undefined && method !== "none" && !client.confidential;
}

/** Tells what is wrong with using a grant with this key: nothing, or `invalid_grant`. */
export function bindingMistake({ cnf }: Pick<GrantData, "cnf">, binding: Binding | undefined): OAuthError | undefined {
  if (cnf === undefined || isSame(cnf, binding?.cnf)) return undefined;
  return invalidGrant("the token is bound to another key");
}

/** Tells whether two name the same key. */
export function isSame(one: Confirmation, other: Confirmation | undefined): boolean {
  if (other === undefined) return false;
  if (one.jkt !== undefined) return one.jkt === other.jkt;
  return one["x5t#S256"] !== undefined && one["x5t#S256"] === other["x5t#S256"];
}

/**
 * Checks that a token was presented the way it is bound: a bound one with its proof, a bearer token without (RFC 9449 §7.1,
 * §7.2). Throws `invalid_token`, `invalid_dpop_proof` or `use_dpop_nonce`, to be answered 401 with a challenge.
 */
export async function checkPresented(
  op: Op,
  request: Request,
  presented: Presented,
  cnf: Confirmation | undefined,
): Promise<void> {
  const wrong = invalidToken("the access token is not valid here");
  const method = cnf === undefined ? undefined : cnf.jkt === undefined ? "tls" : "dpop";
  if ((presented.scheme === "DPoP") !== (method === "dpop")) throw wrong;
  if (method === undefined || cnf === undefined) return;
  const checker = op.bindings.find(({ binding }) => binding === method);
  // Bound by a method that has been taken out of the list since: it cannot be checked, so it does not pass.
  if (checker === undefined) throw wrong;
  await checker.checkPresented(op, request, presented, cnf);
}
