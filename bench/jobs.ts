/**
 * The work that is measured, request by request, and what a right answer to each looks like.
 *
 * RFC 6749 §4.1.3, §4.4, §6; RFC 7662 §2; RFC 7636; OpenID Connect Core 1.0 §3.1.3, §5.3. The one property: what a round needs and is
 * not its work (codes, tokens, sessions) is made before its clock starts, through the server's own endpoints.
 */
import { basic, clients, code_verifier, type IdTokenAlg, redirect_uri } from "./cast.ts";
import { type Answer, type Connection, get, post } from "./http-client.ts";
import { expect, load, type Unit } from "./load.ts";
import type { ServerProcess } from "./processes.ts";
import type { Ability, Target } from "./target.ts";
import { authorizePath, codeIn, locationOf, signIn } from "./visitor.ts";

export interface Job {
  readonly name: Ability;
  readonly title: string;
  /** Makes ready for one round: `expected` units at most. */
  prepare(world: World, plan: Plan): Promise<Unit>;
}

export interface Plan {
  readonly concurrency: number;
  /** How many units the round may come to. */
  readonly expected: number;
}

/** A running server and the people signed in there: one for each connection. */
export interface World {
  readonly server: ServerProcess;
  readonly sessions: string[];
}

/** Gathers what a request gives until there is enough; what cannot be had within half a minute, the life of codes, is not waited for. */
async function gather(
  { server }: World,
  { concurrency, expected }: Plan,
  make: (connection: Connection, index: number) => Promise<string | undefined>,
): Promise<string[]> {
  const made: string[] = [];
  const unit: Unit = async (connection, index) => {
    const one = made.length < expected ? await make(connection, index) : undefined;
    if (one !== undefined) made.push(one);
    return one !== undefined;
  };
  await load(server, unit, { concurrency, milliseconds: 30_000 });
  return made;
}

const tokenAt = { access_token: /"access_token": ?"([^"]*)"/, refresh_token: /"refresh_token": ?"([^"]*)"/ };

/** The token in an answer; refuses one that has none. */
export function tokenIn(answer: Answer, name: "access_token" | "refresh_token"): string {
  expect(answer, 200, tokenAt[name]);
  return tokenAt[name].exec(answer.body)?.[1] ?? "";
}

const form = (values: Readonly<Record<string, string>>) => new URLSearchParams(values).toString();
/** Some servers choose the names of clients themselves. */
const clientAt = ({ clients: own }: Target, name: keyof typeof clients) => own?.[name] ?? clients[name];
const asClient = (target: Target, name: keyof typeof clients) => ({ Authorization: basic(clientAt(target, name)) });

function clientCredentials(name: "token" | "token-signed", title: string): Job {
  return {
    name,
    title,
    async prepare({ server: { target } }) {
      const request = machineRequest(target, name === "token" ? target.opaque : target.signed);
      const shape = name === "token" ? /"access_token":/ : /"access_token": ?"ey/;
      return async (connection) => {
        expect(await connection.ask(request), 200, shape);
        return true;
      };
    },
  };
}

/** Asks for a token of the machine's own. */
export const machineRequest = (target: Target, more: Readonly<Record<string, string>> = {}): string =>
  post(target.paths.token, form({ grant_type: "client_credentials", ...more }), asClient(target, "machine"));

/** Asks about a token. */
export const introspectRequest = (target: Target, token: string): string =>
  post(target.paths.introspect ?? "", form({ token }), asClient(target, "machine"));

/** Two hundred of them, to be used in turn. */
function machineTokens(world: World, concurrency: number, more?: Readonly<Record<string, string>>): Promise<string[]> {
  const request = machineRequest(world.server.target, more);
  return gather(world, { concurrency, expected: 200 }, async (connection) =>
    tokenIn(await connection.ask(request), "access_token"),
  );
}

const introspect: Job = {
  name: "introspect",
  title: "introspection",
  async prepare(world, { concurrency }) {
    const { target } = world.server;
    const tokens = await machineTokens(world, concurrency, target.opaque);
    const requests = tokens.map((token) => introspectRequest(target, token));
    let turn = 0;
    return async (connection) => {
      expect(await connection.ask(requests[turn++ % requests.length] ?? ""), 200, /"active": ?true/);
      return true;
    };
  },
};

/** Redeems a code. */
export const exchangeRequest = (world: World, code: string, alg: IdTokenAlg): string =>
  post(
    world.server.target.paths.token,
    form({ grant_type: "authorization_code", code, redirect_uri, code_verifier }),
    asClient(world.server.target, alg),
  );

async function getCode(connection: Connection, request: string): Promise<string> {
  const answer = await connection.ask(request);
  const code = codeIn(locationOf(answer) ?? "");
  if (code === undefined) expect({ ...answer, status: 0 }, 302, /a code/);
  return code ?? "";
}

async function authorizeRequests(world: World, concurrency: number, alg: IdTokenAlg): Promise<string[]> {
  const { server, sessions } = world;
  if (server.target.forgets) sessions.length = 0;
  while (sessions.length < concurrency) sessions.push(await signIn(server.target));
  return sessions.slice(0, concurrency).map((Cookie) => get(authorizePath(server.target, alg), { Cookie }));
}

/** Gets codes through /authorize, with live sessions. */
export async function makeCodes(world: World, plan: Plan, alg: IdTokenAlg): Promise<string[]> {
  const requests = await authorizeRequests(world, plan.concurrency, alg);
  return gather(world, plan, (connection, index) => getCode(connection, requests[index] ?? ""));
}

function exchange(alg: IdTokenAlg): Job {
  return {
    name: `code-${alg}`,
    title: `code exchange, ID token ${alg}`,
    async prepare(world, plan) {
      const requests = (await makeCodes(world, plan, alg)).map((code) => exchangeRequest(world, code, alg));
      return async (connection) => {
        const request = requests.pop();
        if (request === undefined) return false;
        expect(await connection.ask(request), 200, /"id_token": ?"ey/);
        return true;
      };
    },
  };
}

/** Tokens of a person, so many. */
async function makeTokens(world: World, plan: Plan, name: "access_token" | "refresh_token"): Promise<string[]> {
  const codes = await makeCodes(world, plan, "ES256");
  return gather(world, { ...plan, expected: codes.length }, async (connection) => {
    const code = codes.pop();
    return code && tokenIn(await connection.ask(exchangeRequest(world, code, "ES256")), name);
  });
}

const refresh: Job = {
  name: "refresh",
  title: "refresh, rotated",
  async prepare(world, { concurrency }) {
    const tokens = await makeTokens(world, { concurrency, expected: concurrency * 2 }, "refresh_token");
    const { target } = world.server;
    return async (connection, index) => {
      const wanted = form({ grant_type: "refresh_token", refresh_token: tokens[index] ?? "" });
      const next = tokenIn(
        await connection.ask(post(target.paths.token, wanted, asClient(target, "ES256"))),
        "refresh_token",
      );
      if (next === tokens[index]) throw new Error("the refresh token was not rotated");
      tokens[index] = next;
      return true;
    };
  },
};

const userinfo: Job = {
  name: "userinfo",
  title: "userinfo",
  async prepare(world, { concurrency }) {
    const tokens = await makeTokens(world, { concurrency, expected: concurrency * 2 }, "access_token");
    const { userinfo: path = "" } = world.server.target.paths;
    const requests = tokens.map((token) => get(path, { Authorization: `Bearer ${token}` }));
    let turn = 0;
    return async (connection) => {
      expect(await connection.ask(requests[turn++ % requests.length] ?? ""), 200, /"sub": ?"/);
      return true;
    };
  },
};

const flow: Job = {
  name: "flow",
  title: "authorize + exchange, live session",
  async prepare(world, { concurrency }) {
    const requests = await authorizeRequests(world, concurrency, "ES256");
    return async (connection, index) => {
      const code = await getCode(connection, requests[index] ?? "");
      expect(await connection.ask(exchangeRequest(world, code, "ES256")), 200, /"id_token": ?"ey/);
      return true;
    };
  },
};

function api(name: "api-opaque" | "api-signed", title: string): Job {
  return {
    name,
    title,
    async prepare(world, { concurrency }) {
      const { paths, opaque, signed } = world.server.target;
      const [path = "", more] = name === "api-opaque" ? [paths.api, opaque] : [paths.signed, signed];
      const tokens = await machineTokens(world, concurrency, more);
      const requests = tokens.map((token) => get(path, { Authorization: `Bearer ${token}` }));
      let turn = 0;
      return async (connection) => {
        expect(await connection.ask(requests[turn++ % requests.length] ?? ""), 200, /"client_id": ?"/);
        return true;
      };
    },
  };
}

/** What the bare server does beside every job, as a measure of the machine at that moment. */
export const limit: Job = clientCredentials("token", "a form in, 800 bytes of JSON out");

/** In the order of the table. */
export const jobs: readonly Job[] = [
  clientCredentials("token", "client_credentials, opaque"),
  clientCredentials("token-signed", "client_credentials, at+jwt ES256"),
  introspect,
  exchange("ES256"),
  exchange("RS256"),
  refresh,
  userinfo,
  flow,
  api("api-opaque", "protected API call, opaque token read"),
  api("api-signed", "protected API call, at+jwt ES256, verified tokens kept"),
];
