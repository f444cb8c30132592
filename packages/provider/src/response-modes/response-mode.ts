/**
 * Response modes: how an answer travels to the client (OAuth 2.0 Multiple Response Type Encoding §2.1).
 *
 * Guarantees that an answer reaches nobody but the redirect URI it was made for, and that its parameters are sent as they are.
 */
import { encodeForm } from "@valetkey/protocol/form";
import { seeOther } from "@valetkey/protocol/see-other";
import { appendQuery } from "../authorize/respond.ts";
import type { Client } from "../clients.ts";
import type { Awaitable, Op } from "../op.ts";
import type { Part } from "../part.ts";

/** Where an answer goes. */
export interface Destination {
  readonly client: Client;
  readonly redirect_uri: string;
}

/** Parameters of an answer, `state` and `iss` among them. */
export type Parameters = Readonly<Record<string, string | undefined>>;

export interface ResponseMode extends Part {
  readonly response_mode: string;
  /** Sends the parameters. */
  send(op: Op, destination: Destination, parameters: Parameters): Awaitable<Response>;
  /** The answer as a link somebody may follow instead, where there is one. */
  link?(op: Op, destination: Destination, parameters: Parameters): Awaitable<string>;
}

const inQuery = ({ redirect_uri }: Destination, parameters: Parameters) => appendQuery(redirect_uri, parameters);
const inFragment = ({ redirect_uri }: Destination, parameters: Parameters) =>
  `${redirect_uri}#${encodeForm(parameters)}`;

/** `query`: parameters of the redirect URI. */
export const query: ResponseMode = {
  response_mode: "query",
  send: (_op, destination, parameters) => seeOther(inQuery(destination, parameters)),
  link: (_op, destination, parameters) => inQuery(destination, parameters),
};

/** `fragment`: the client's scripts read it, its web server never sees it. */
export const fragment: ResponseMode = {
  response_mode: "fragment",
  send: (_op, destination, parameters) => seeOther(inFragment(destination, parameters)),
  link: (_op, destination, parameters) => inFragment(destination, parameters),
};
