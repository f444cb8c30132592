/**
 * The people and clients most tests need: people made through the command line, clients by configuration, more of both by
 * command, as an operator would.
 */
import { randomBytes } from "node:crypto";
import { after, before } from "node:test";
import { type RunningPostgres, startPostgres } from "@valetkey/test-support/postgres";
import type { TestClient, TestUser } from "./flow.ts";
import { type Installation, install, type RunningServer, type ServerSetup, serve } from "./server.ts";

/** Nobody listens there, and nobody needs to: the browser of the tests stops before it. */
export const callback = "http://127.0.0.1:9/callback";

/** For clients that register themselves: a stranger's web client must be https. */
export const strangersCallback = "https://rp.test/cb";

const passwords = { alice: "correct horse battery 1", bob: "staple green mountain 2" };

/** Creates a person. The name is the first part of the address. */
export async function addUser(server: Installation, name: string, password = `long enough for ${name} 7`): Promise<TestUser> {
  const email = `${name}@example.test`;
  const shown = name.charAt(0).toUpperCase() + name.slice(1);
  const args = ["user", "add", "--email", email, "--name", shown, "--password-stdin", "--json"];
  const { code, json, stderr } = await server.cli(args, `${password}\n`);
  if (code !== 0 || typeof json?.subject !== "string") throw new Error(`user add: ${code} ${stderr} ${JSON.stringify(json)}`);
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
  if (code !== 0 || typeof json?.client_id !== "string") throw new Error(`client add: ${code} ${stderr} ${JSON.stringify(json)}`);
  const secret: unknown = json.client_secret ?? setup.secret;
  return {
    client_id: json.client_id,
    redirect_uri: redirect_uris[0] ?? callback,
    ...(typeof secret === "string" ? { client_secret: secret } : {}),
    ...(setup.auth === undefined ? {} : { method: setup.auth }),
  };
}

/** The usual cast. `conf`, `conf2`: confidential; `pub`: public. All may have refresh tokens. */
export interface World {
  readonly server: RunningServer;
  readonly issuer: string;
  readonly alice: TestUser;
  readonly bob: TestUser;
  readonly conf: TestClient;
  readonly conf2: TestClient;
  readonly pub: TestClient;
}

/** Refresh tokens are for clients that registered for them. */
export const codeAndRefresh = ["authorization_code", "refresh_token"];

/** Installs, registers the cast, then starts: the command line works before the first start. */
export async function startWorld(setup: ServerSetup = {}): Promise<World> {
  const secret = () => randomBytes(32).toString("base64url");
  const conf = { client_id: "conf", client_secret: secret(), redirect_uri: callback };
  const conf2 = { client_id: "conf2", client_secret: secret(), redirect_uri: callback };
  const pub = { client_id: "pub", redirect_uri: callback };
  const common = { redirect_uris: [callback], grant_types: codeAndRefresh };
  const clients = [
    { client_id: conf.client_id, client_secret: conf.client_secret, client_name: "Conf", ...common },
    { client_id: conf2.client_id, client_secret: conf2.client_secret, client_name: "Conf Two", ...common },
    { client_id: pub.client_id, client_name: "Pub", token_endpoint_auth_method: "none", ...common },
  ];
  const installation = await install({ ...setup, config: { clients, ...setup.config } });
  try {
    // The first command creates the database; the second finds it there.
    const alice = await addUser(installation, "alice", passwords.alice);
    const bob = await addUser(installation, "bob", passwords.bob);
    const server = await serve(installation);
    return { server, issuer: server.issuer, alice, bob, conf, conf2, pub };
  } catch (error) {
    await installation.remove();
    throw error;
  }
}

/** Starts the cast before the tests of this suite and ends it after them. Call the result inside a test. */
export function useWorld(setup: () => ServerSetup | Promise<ServerSetup> = () => ({})): () => World {
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
