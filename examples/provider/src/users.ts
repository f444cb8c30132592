/**
 * Your users: here a list in memory, in your app the table you have. Passwords are kept as scrypt hashes.
 */
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import type { Account } from "@valetkey/provider/op";

const hash = promisify<string, Buffer, number, Buffer>(scrypt);

interface User {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

const all = new Map<string, User>();
const nobody = { salt: randomBytes(16), hash: randomBytes(32) };

export const users = {
  async add(user: { id: string; name: string; email: string; password: string }): Promise<void> {
    const salt = randomBytes(16);
    const { id, name, email } = user;
    all.set(id, { id, name, email, salt, hash: await hash(user.password.normalize("NFC"), salt, 32) });
  },

  /** What the provider asks: who is this subject, and what may be told of them? */
  find(subject: string): Account | undefined {
    const user = all.get(subject);
    return user && { sub: user.id, claims: { name: user.name, email: user.email, email_verified: true } };
  },

  /** What your login page asks. Takes as long for an unknown e-mail as for a wrong password. */
  async verify(email: string, password: string): Promise<string | undefined> {
    const user = [...all.values()].find((one) => one.email === email.trim().toLowerCase());
    const { salt, hash: expected } = user ?? nobody;
    const right = timingSafeEqual(await hash(password.slice(0, 1024).normalize("NFC"), salt, 32), expected);
    return right ? user?.id : undefined;
  },
};
