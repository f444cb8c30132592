/**
 * The users of an app that existed before: its own ids, its own password hashes.
 */
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

const hash = promisify<string, Buffer, number, Buffer>(scrypt);
const rows = new Map<string, { id: string; login: string; name: string; salt: Buffer; hash: Buffer }>();
const nobody = { id: undefined, salt: randomBytes(16), hash: randomBytes(32) };

export const users = {
  async add(id: string, login: string, name: string, password: string): Promise<void> {
    const salt = randomBytes(16);
    rows.set(id, { id, login, name, salt, hash: await hash(password, salt, 32) });
  },
  byId(id: string) {
    const row = rows.get(id);
    return row && { sub: row.id, claims: { name: row.name, preferred_username: row.login } };
  },
  async check(login: string, password: string): Promise<string | undefined> {
    const row = [...rows.values()].find((one) => one.login === login) ?? nobody;
    return timingSafeEqual(await hash(password, row.salt, 32), row.hash) ? row.id : undefined;
  },
};
