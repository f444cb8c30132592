/**
 * The people of a ready-to-run server: what the pages and the command line need of them.
 *
 * `createServer` needs only `find` and `verify`, over anybody's own users; the built-in directory (SQL tables) has the
 * rest, and pages that need a part which is absent are not served.
 */
import type { Account, Accounts, Awaitable } from "@valetkey/provider/op";

/** What a sign-in attempt came to. `unavailable`: too many are waiting; try again after `retryAfter` seconds. */
export type Verified =
  | {
      readonly ok: true;
      readonly subject: string;
      /** Whether it would still be true now: neither the password nor the account has changed since it was judged. */
      readonly still: () => Promise<boolean>;
    }
  | { readonly ok: false; readonly reason: "wrong" }
  | { readonly ok: false; readonly reason: "unavailable"; readonly retryAfter: number };

/** What `createServer` asks of somebody's own users. */
export interface SignIn extends Accounts {
  /** Checks a name (e-mail, user name: the application decides) and a password. Same answer for unknown, wrong and disabled. */
  verify(name: string, password: string): Awaitable<Verified | { ok: true; subject: string } | { ok: false }>;
}

/** A person as the pages and the command line show one. */
export interface Person {
  readonly subject: string;
  readonly email: string;
  readonly name: string;
  readonly email_verified: boolean;
  readonly disabled: boolean;
  /** Whether a password was set: an invited person has none yet. */
  readonly password: boolean;
  /** Milliseconds. */
  readonly createdAt: number;
}

/** Why something could not be done, in words a page or the terminal can show. `code` is stable. */
export class DirectoryError extends Error {
  override readonly name = "DirectoryError";
  readonly code:
    | "email_taken"
    | "email_invalid"
    | "name_invalid"
    | "password_weak"
    | "password_same"
    | "not_found"
    | "wrong_password"
    | "link_invalid"
    | "busy";
  /** Everything that was wrong, this error first: a form with two mistakes is told both. */
  readonly all: readonly DirectoryError[];
  constructor(code: DirectoryError["code"], message: string, others: readonly DirectoryError[] = []) {
    super(message);
    this.code = code;
    this.all = [this, ...others];
  }
}

/** The built-in directory: accounts in SQL tables, passwords by argon2id. */
export interface Directory extends SignIn {
  find(subject: string): Promise<Account | undefined>;
  verify(name: string, password: string): Promise<Verified>;
  person(subject: string): Promise<Person | undefined>;
  byEmail(email: string): Promise<Person | undefined>;
  list(page?: { search?: string; after?: string; limit?: number }): Promise<Person[]>;
  /** Whether there is no account at all yet. */
  empty(): Promise<boolean>;
  /**
   * Throws `email_taken`, or `email_invalid`, `name_invalid` and `password_weak`, all that apply (`all`). Without a password:
   * an invitation is needed.
   */
  create(person: { email: string; name: string; password?: string; email_verified?: boolean }): Promise<Person>;
  setProfile(subject: string, profile: { name: string }): Promise<Person>;
  /** Throws `wrong_password`, `password_same`, `password_weak`. */
  changePassword(subject: string, current: string, next: string): Promise<void>;
  setPassword(subject: string, next: string): Promise<void>;
  setDisabled(subject: string, disabled: boolean): Promise<Person>;
  remove(subject: string): Promise<void>;
  /** A single-use link token that creates the first account. A new one replaces the old. */
  createSetupToken(): Promise<string>;
  /** Whether this set-up token would work now. */
  checkSetupToken(token: string): Promise<boolean>;
  /** Creates the first account. Throws `link_invalid` if it was used, replaced, or an account exists; races have one winner. */
  setUp(token: string, person: { email: string; name: string; password: string }): Promise<Person>;
  /** A single-use link token with which one person sets a new password; lives 24 hours. */
  createResetToken(subject: string): Promise<string>;
  checkResetToken(token: string): Promise<Person | undefined>;
  /** Sets the password. Throws `link_invalid`, `password_weak` (the link stays usable). */
  reset(token: string, password: string): Promise<Person>;
  close(): Promise<void>;
}
