/**
 * The people and clients most tests need: people made through the command line, clients by configuration, more of both by
 * command, as an operator would.
 */
import { randomBytes } from "node:crypto";
import { after, before } from "node:test";
import { type RunningPostgres, startPostgres } from "@valetkey/test-support/postgres";
import { createBrowser } from "./browser.ts";
import { claimsOf, exchange, getCode, type TestClient, type TestUser } from "./flow.ts";
import { type Installation, install, type RunningServer, type ServerSetup, serve } from "./server.ts";

/** Nobody listens there, and nobody needs to: the browser of the tests stops before it. */
export const callback = "http://127.0.0.1:9/callback";

/** For clients that register themselves: a stranger's web client must be https. */
export const strangersCallback = "https://rp.test/cb";

const passwords = { alice: "correct horse battery 1", bob: "staple green mountain 2" };

/** Creates a person. The name is the first part of the address. */
export async function addUser(
  server: Installation,
  name: string,
  password = `long enough for ${name} 7`,
): Promise<TestUser> {
  const email = `${name}@example.test`;
  const shown = name.charAt(0).toUpperCase() + name.slice(1);
  const args = ["user", "add", "--email", email, "--name", shown, "--password-stdin", "--json"];
  const { code, json, stderr } = await server.cli(args, `${password}\n`);
  if (code !== 0 || typeof json?.subject !== "string")
    throw new Error(`user add: ${code} ${stderr} ${JSON.stringify(json)}`);
  return { email, name: shown, password, subject: json.subject };
}

export interface ClientSetup {
  readonly name?: string;
  readonly redirect_uris?: readonly string[];
  readonly post_logout_redirect_uris?: readonly string[];
  readonly grant_types?: readonly string[];
  readonly scope?: string;
  /** A public client. */
  readonly pub?: boolean;
  readonly auth?: "client_secret_basic" | "client_secret_post";
  readonly id?: string;
  /** Its own secret instead of a random one. */
  readonly secret?: string;
  readonly firstParty?: boolean;
  readonly introspects?: readonly string[];
  /** Further metadata, for clients of the configuration. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** Registers a client through the command line. */
export async function addClient(server: Installation, setup: ClientSetup = {}): Promise<TestClient> {
  const { redirect_uris = [callback], name = "Test app" } = setup;
  const each = (flag: string, values: readonly string[] = []) => values.flatMap((value) => [flag, value]);
  const args = ["client", "add", "--name", name, "--json"].concat(
    each("--redirect-uri", redirect_uris),
    each("--post-logout-redirect-uri", setup.post_logout_redirect_uris),
    each("--grant-type", setup.grant_types),
    each("--introspects", setup.introspects),
    setup.scope === undefined ? [] : ["--scope", setup.scope],
    setup.pub ? ["--public"] : [],
    setup.auth === undefined ? [] : ["--auth-method", setup.auth],
    setup.firstParty ? ["--first-party"] : [],
    setup.id === undefined ? [] : ["--id", setup.id],
    setup.secret === undefined ? [] : ["--secret-stdin"],
  );
  const { code, json, stderr } = await server.cli(args, setup.secret === undefined ? undefined : `${setup.secret}\n`);
  if (code !== 0 || typeof json?.client_id !== "string")
    throw new Error(`client add: ${code} ${stderr} ${JSON.stringify(json)}`);
  const secret: unknown = json.client_secret ?? setup.secret;
  return {
    client_id: json.client_id,
    redirect_uri: redirect_uris[0] ?? callback,
    ...(typeof secret === "string" ? { client_secret: secret } : {}),
    ...(setup.auth === undefined ? {} : { method: setup.auth }),
  };
}

/** What a suite wants beside the usual cast. */
export interface WorldSetup extends ServerSetup {
  /** Also `bob`; every world has `alice`. */
  readonly bob?: true;
  /** More clients of the configuration, by client_id. */
  readonly clients?: Readonly<Record<string, Omit<ClientSetup, "id" | "secret">>>;
}

/** The usual cast. `conf`, `conf2`: confidential; `pub`: public. All may have refresh tokens. */
export interface World {
  readonly server: RunningServer;
  readonly issuer: string;
  readonly alice: TestUser;
  /** Only where the suite asked for him. */
  readonly bob: TestUser;
  readonly conf: TestClient;
  readonly conf2: TestClient;
  readonly pub: TestClient;
  /** One of the clients the suite asked for. */
  client(id: string): TestClient;
}

/** Refresh tokens are for clients that registered for them. */
export const codeAndRefresh = ["authorization_code", "refresh_token"];

const cast: WorldSetup["clients"] = {
  conf: { name: "Conf", grant_types: codeAndRefresh },
  conf2: { name: "Conf Two", grant_types: codeAndRefresh },
  pub: { name: "Pub", grant_types: codeAndRefresh, pub: true },
  // Nobody is asked about this one, so finding out who somebody is leaves no consent behind.
  whoami: { firstParty: true },
};

/** Installs and starts; makes the first account with the link that the server prints, as a newcomer would. */
export async function startWorld(setup: WorldSetup = {}): Promise<World> {
  const clients = new Map<string, TestClient>();
  const declared = Object.entries({ ...cast, ...setup.clients }).map(([client_id, wanted]) => {
    const { redirect_uris = [callback], pub = false } = wanted;
    const secret = pub ? {} : { client_secret: randomBytes(32).toString("base64url") };
    const method = wanted.auth === undefined ? {} : { method: wanted.auth };
    clients.set(client_id, { client_id, redirect_uri: redirect_uris[0] ?? callback, ...secret, ...method });
    return {
      client_id,
      ...secret,
      client_name: wanted.name ?? client_id,
      redirect_uris,
      post_logout_redirect_uris: wanted.post_logout_redirect_uris,
      grant_types: wanted.grant_types,
      introspects: wanted.introspects,
      scope: wanted.scope,
      firstParty: wanted.firstParty,
      token_endpoint_auth_method: pub ? "none" : wanted.auth,
      ...wanted.more,
    };
  });
  const client = (id: string): TestClient => {
    const found = clients.get(id);
    if (!found) throw new Error(`no client ${id}`);
    return found;
  };
  const { clients: _, bob: withBob, ...rest } = setup;
  const installation = await install({ ...rest, config: { clients: declared, ...setup.config } });
  try {
    const server = await serve(installation);
    const alice = await setUp(server, "alice", passwords.alice, client("whoami"));
    const bob = withBob ? await addUser(installation, "bob", passwords.bob) : undefined;
    const [conf, conf2, pub] = [client("conf"), client("conf2"), client("pub")];
    return {
      server,
      issuer: server.issuer,
      alice,
      get bob() {
        if (!bob) throw new Error("this suite did not ask for bob");
        return bob;
      },
      conf,
      conf2,
      pub,
      client,
    };
  } catch (error) {
    await installation.remove();
    throw error;
  }
}

/** Creates the first account through the set-up page. */
async function setUp(server: RunningServer, name: string, password: string, whoami: TestClient): Promise<TestUser> {
  const { issuer, origin } = server;
  const line = await server.process().waitForLine("/setup?token=");
  const link = new URL(/\S+\/setup\?token=\S+/.exec(line)?.[0] ?? "");
  const person = { email: `${name}@example.test`, name: name.charAt(0).toUpperCase() + name.slice(1), password };
  const browser = createBrowser([origin, issuer]);
  // Behind a proxy the link names the public address; here there is only the address the server listens on.
  const page = await browser.open(new URL(link.pathname + link.search, origin));
  await browser.press(page, "submit", person);
  const code = await getCode(origin, whoami, { browser });
  const reply = await exchange(origin, code);
  const subject = claimsOf(reply.json.id_token).sub;
  if (typeof subject !== "string") throw new Error(`no subject: ${reply.text}`);
  return { ...person, subject };
}

/** Starts the cast before the tests of this suite and ends it after them. Call the result inside a test. */
export function useWorld(setup: () => WorldSetup | Promise<WorldSetup> = () => ({})): () => World {
  let world: World | undefined;
  before(async () => {
    world = await startWorld(await setup());
  });
  after(async () => {
    await world?.server[Symbol.asyncDispose]();
  });
  return () => {
    if (!world) throw new Error("the server did not start");
    return world;
  };
}

/** Starts PostgreSQL before the tests of this suite and ends it after them. */
export function usePostgres(options: Parameters<typeof startPostgres>[0] = {}): () => RunningPostgres {
  let postgres: RunningPostgres | undefined;
  before(async () => {
    postgres = await startPostgres(options);
  });
  after(async () => {
    await postgres?.stop();
  });
  return () => {
    if (!postgres) throw new Error("PostgreSQL did not start");
    return postgres;
  };
}
