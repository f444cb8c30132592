/**
 * What @node-oauth/oauth2-server asks of an application: its clients, codes and tokens, in SQLite, every answered write on disk.
 *
 * ID tokens (OpenID Connect Core 1.0 §2) go out as an extended attribute, signed with `node:crypto`.
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign, timingSafeEqual } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import type { AuthorizationCode, Client, RefreshToken, Token, User } from "@node-oauth/oauth2-server";
import { clients, redirect_uri } from "../cast.ts";

const schema = `
create table if not exists client (id text primary key, secret text not null, data text not null) strict, without rowid;
create table if not exists code (code text primary key, client text not null, subject text not null, expires_at integer not null,
  data text not null) strict, without rowid;
create table if not exists token (token text primary key, client text not null, subject text not null, scope text not null,
  expires_at integer not null) strict, without rowid;
create table if not exists refresh (token text primary key, client text not null, subject text not null, scope text not null,
  expires_at integer not null) strict, without rowid;
create table if not exists session (id text primary key, subject text not null, expires_at integer not null) strict, without rowid;`;

const digestOf = (text: string): string => createHash("sha256").update(text).digest("base64url");

interface CodeRow {
  readonly client: string;
  readonly subject: string;
  readonly expires_at: number;
  readonly data: string;
}
interface TokenRow extends Omit<CodeRow, "data"> {
  readonly scope: string;
}

/** Opens the file and puts the clients of the benchmark into it. */
export function openModel(file: string, issuer: string) {
  const database = new DatabaseSync(file);
  database.exec("pragma journal_mode = wal; pragma synchronous = full;");
  database.exec(schema);
  const addClient = database.prepare("insert or replace into client values (?, ?, ?)");
  for (const [name, { client_id, client_secret }] of Object.entries(clients)) {
    const grants = name === "machine" ? ["client_credentials"] : ["authorization_code", "refresh_token"];
    const data = { id: client_id, grants, redirectUris: [redirect_uri], alg: name };
    addClient.run(client_id, digestOf(client_secret), JSON.stringify(data));
  }
  const statements = {
    client: database.prepare("select secret, data from client where id = ?"),
    addCode: database.prepare("insert into code values (?, ?, ?, ?, ?)"),
    code: database.prepare("select client, subject, expires_at, data from code where code = ?"),
    removeCode: database.prepare("delete from code where code = ?"),
    addToken: database.prepare("insert into token values (?, ?, ?, ?, ?)"),
    token: database.prepare("select client, subject, scope, expires_at from token where token = ?"),
    addRefresh: database.prepare("insert into refresh values (?, ?, ?, ?, ?)"),
    refresh: database.prepare("select client, subject, scope, expires_at from refresh where token = ?"),
    removeRefresh: database.prepare("delete from refresh where token = ?"),
    addSession: database.prepare("insert into session values (?, ?, ?)"),
    session: database.prepare("select subject from session where id = ? and expires_at > ?"),
  };

  const clientOf = (id: string, secret?: string | null): Client | undefined => {
    const row = statements.client.get(id) as { secret: string; data: string } | undefined;
    if (row === undefined) return undefined;
    if (secret && !timingSafeEqual(Buffer.from(digestOf(secret)), Buffer.from(row.secret))) return undefined;
    return JSON.parse(row.data) as Client;
  };
  const signIdToken = idTokens(issuer);
  const ownerOf = (row: { client: string; subject: string }) => ({
    client: clientOf(row.client) as Client,
    user: { id: row.subject },
  });

  const model = {
    getClient: async (id: string, secret: string) => clientOf(id, secret),
    getUserFromClient: async (client: Client) => ({ id: client.id }),
    validateScope: async (_user: User, _client: Client, scope?: string[]) => scope ?? ["read"],
    async saveAuthorizationCode(
      code: Pick<
        AuthorizationCode,
        "authorizationCode" | "expiresAt" | "redirectUri" | "scope" | "codeChallenge" | "codeChallengeMethod"
      >,
      client: Client,
      user: User,
    ): Promise<AuthorizationCode> {
      const { authorizationCode, expiresAt, ...data } = code;
      statements.addCode.run(
        digestOf(authorizationCode),
        client.id,
        user.id,
        expiresAt.getTime(),
        JSON.stringify(data),
      );
      return { ...code, client, user };
    },
    async getAuthorizationCode(authorizationCode: string): Promise<AuthorizationCode | undefined> {
      const row = statements.code.get(digestOf(authorizationCode)) as CodeRow | undefined;
      if (row === undefined) return undefined;
      const data = JSON.parse(row.data) as Pick<AuthorizationCode, "redirectUri" | "scope">;
      return { authorizationCode, expiresAt: new Date(row.expires_at), ...data, ...ownerOf(row) };
    },
    revokeAuthorizationCode: async ({ authorizationCode }: AuthorizationCode) =>
      statements.removeCode.run(digestOf(authorizationCode)).changes === 1,
    async saveToken(token: Token, client: Client, user: User): Promise<Token> {
      const { accessToken, accessTokenExpiresAt, refreshToken, refreshTokenExpiresAt, scope = [] } = token;
      const owner = [client.id, user.id as string, scope.join(" ")] as const;
      database.exec("begin immediate");
      statements.addToken.run(digestOf(accessToken), ...owner, accessTokenExpiresAt?.getTime() ?? 0);
      if (refreshToken !== undefined)
        statements.addRefresh.run(digestOf(refreshToken), ...owner, refreshTokenExpiresAt?.getTime() ?? 0);
      database.exec("commit");
      const id_token = scope.includes("openid") ? { id_token: signIdToken(client, user) } : {};
      return { ...token, client, user, ...id_token };
    },
    async getAccessToken(accessToken: string): Promise<Token | undefined> {
      const row = statements.token.get(digestOf(accessToken)) as TokenRow | undefined;
      if (row === undefined) return undefined;
      return {
        accessToken,
        accessTokenExpiresAt: new Date(row.expires_at),
        scope: row.scope.split(" "),
        ...ownerOf(row),
      };
    },
    async getRefreshToken(refreshToken: string): Promise<RefreshToken | undefined> {
      const row = statements.refresh.get(digestOf(refreshToken)) as TokenRow | undefined;
      if (row === undefined) return undefined;
      return {
        refreshToken,
        refreshTokenExpiresAt: new Date(row.expires_at),
        scope: row.scope.split(" "),
        ...ownerOf(row),
      };
    },
    revokeToken: async ({ refreshToken }: RefreshToken) =>
      statements.removeRefresh.run(digestOf(refreshToken)).changes === 1,
  };
  const sessions = {
    begin(subject: string): string {
      const id = randomBytes(32).toString("base64url");
      statements.addSession.run(digestOf(id), subject, Date.now() + 86_400_000);
      return id;
    },
    find(id: string): User | undefined {
      const row = statements.session.get(digestOf(id), Date.now()) as { subject: string } | undefined;
      return row && { id: row.subject };
    },
  };
  return { model, sessions, clientOf };
}

function idTokens(iss: string): (client: Client, user: User) => string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const keys: Readonly<Record<string, KeyObject>> = {
    ES256: generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
    RS256: generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey,
  };
  return ({ id: aud, alg }, { id: sub }) => {
    const key = keys[String(alg)];
    if (key === undefined) throw new Error(`no key for ${alg}`);
    const iat = Math.floor(Date.now() / 1000);
    const signed = `${encode({ alg, kid: alg })}.${encode({ iss, sub, aud, iat, exp: iat + 3600 })}`;
    return `${signed}.${sign("sha256", Buffer.from(signed), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
  };
}
