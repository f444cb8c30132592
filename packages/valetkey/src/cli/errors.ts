/**
 * Every message the command line can end with: a code, an exit status, what it means and what to do.
 *
 * Exit status: 1 unexpected, 2 usage, 3 configuration, 4 not allowed, 5 not found, 6 conflict, 7 network, 8 database,
 * 9 `doctor` found problems, 130 interrupted. The one property: an error without a page here does not compile.
 */
import { CommanderError } from "commander";
import { DirectoryError } from "../accounts/directory.ts";
import type { ConfigError } from "../settings.ts";

export interface ProblemPage {
  readonly exit: number;
  readonly title: string;
  /** What it means, in sentences. */
  readonly about: string;
  readonly fix: string;
}

export const problemPages = {
  VK1000: {
    exit: 1,
    title: "Something unexpected happened",
    about:
      "This is a fault of the program, or of the machine it runs on. Nothing was half done: changes are all or nothing.",
    fix: "try again; if it stays, run valetkey doctor and report what you did together with this message",
  },
  VK1001: {
    exit: 1,
    title: "Too much is going on right now",
    about: "So many passwords are being checked that more would have to wait too long.",
    fix: "try again in a few seconds",
  },
  VK2000: {
    exit: 2,
    title: "This command line is not understood",
    about: "A command, flag or value is unknown, missing or of the wrong kind.",
    fix: "valetkey --help, or valetkey <command> --help",
  },
  VK2001: {
    exit: 2,
    title: "Something was to come in on standard input, and nothing did",
    about:
      "Flags ending in -stdin, and the token -, read from standard input, so that secrets do not show in lists of processes.",
    fix: "printf '%s' \"$PASSWORD\" | valetkey …",
  },
  VK2002: {
    exit: 2,
    title: "This person cannot be saved like that",
    about:
      "The e-mail address, the name or the password is not one we take. Passwords have at least 8 characters and are not among the common ones.",
    fix: "correct it and try again",
  },
  VK2003: {
    exit: 2,
    title: "This client cannot be saved like that",
    about: "The metadata does not fit together, as RFC 7591 section 2 and the settings of this server want it to.",
    fix: "valetkey client add --help",
  },
  VK3000: {
    exit: 3,
    title: "The configuration cannot be used",
    about:
      "Flags go before environment variables, these before .env, and that before the configuration file. All mistakes are listed.",
    fix: "correct what is listed; after that valetkey config print shows what is in force and where it comes from",
  },
  VK4000: {
    exit: 4,
    title: "The client belongs to the configuration",
    about:
      "What the configuration declares is brought into the database at each start, so a change here would not last.",
    fix: "change it in the configuration and restart",
  },
  VK4001: {
    exit: 4,
    title: "This is not allowed to this user of the machine",
    about: "A file or port is not open to the user this process runs as. Ports below 1024 often are not.",
    fix: "use another port (PORT=4000), or give the user access",
  },
  VK5001: {
    exit: 5,
    title: "There is no such client",
    about: "Clients are named by their client_id.",
    fix: "valetkey client list",
  },
  VK5002: {
    exit: 5,
    title: "There is no such person",
    about: "People are named by e-mail address or by subject.",
    fix: "valetkey user list",
  },
  VK5003: { exit: 5, title: "There is no such key", about: "Keys are named by their kid.", fix: "valetkey key list" },
  VK5004: {
    exit: 5,
    title: "This is not a token that works here",
    about:
      "It is not of a form Valetkey makes, or it was revoked, has expired, or belongs to a client or person that is gone.",
    fix: "valetkey token inspect <token> says of what kind it is and how old",
  },
  VK6001: {
    exit: 6,
    title: "There is an account with this e-mail address already",
    about:
      "Addresses are compared in one canonical form: case, width of characters and blanks around them do not count.",
    fix: "valetkey user show <e-mail>",
  },
  VK6002: {
    exit: 6,
    title: "There is a client with this client_id already",
    about: "A client_id names one client for good.",
    fix: "valetkey client set <client_id> …, or take another id",
  },
  VK6003: {
    exit: 6,
    title: "The port is in use",
    about: "Another program, perhaps another Valetkey, listens there.",
    fix: "stop it, or take another port: PORT=4010",
  },
  VK6004: {
    exit: 6,
    title: "The file is there already",
    about: "Nothing is overwritten.",
    fix: "edit it, or remove it first",
  },
  VK8001: {
    exit: 8,
    title: "The database cannot be used",
    about: "It is not there, not writable, not reachable, or does not answer in time.",
    fix: "check VALETKEY_DATABASE_URL and the permissions of the file, then run valetkey doctor",
  },
  VK8002: {
    exit: 8,
    title: "The database was used by a newer version",
    about: "Its tables were changed in ways this version does not know, so it is left alone.",
    fix: "start the newer version, or restore a backup from before the upgrade",
  },
  VK8003: {
    exit: 8,
    title: "The secret is not the one this database was made with",
    about:
      "The signing keys are encrypted with the secret. With another one they cannot be read, and none are made in their place.",
    fix: "set VALETKEY_SECRET to the former secret, or to new,former to change it",
  },
  VK8004: {
    exit: 8,
    title: "There is no database of Valetkey here yet",
    about:
      "Commands that look at what is there, or change it, make no database. The first valetkey serve, user add, client add or client token does.",
    fix: "look elsewhere with --database file:<path> or in the folder of the server; valetkey serve makes a new one",
  },
  VK9000: {
    exit: 9,
    title: "The doctor found problems",
    about: "Each line marked problem should be put right before the server is relied upon.",
    fix: "follow the fix beside each problem",
  },
} as const satisfies Record<string, ProblemPage>;

export type ProblemCode = keyof typeof problemPages;

/** Ends a command with one of the pages above; `details` are lines such as `["got", "…"]`. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly code: ProblemCode;
  readonly details: readonly (readonly [label: string, text: string])[];
  readonly fix: string;
  constructor(code: ProblemCode, details: CliError["details"] = [], fix: string = problemPages[code].fix) {
    super(problemPages[code].title);
    this.code = code;
    this.details = details;
    this.fix = fix;
  }
}

const byName: Readonly<Record<string, ProblemCode>> = {
  DatabaseUnusable: "VK8001",
  StoreUnavailable: "VK8001",
  NewerSchema: "VK8002",
  KeysUnreadable: "VK8003",
  OAuthError: "VK2003",
  InvalidOptions: "VK3000",
};

const bySystem: Readonly<Record<string, ProblemCode>> = { EADDRINUSE: "VK6003", EACCES: "VK4001", EPERM: "VK4001" };

const byDirectory: Readonly<Partial<Record<DirectoryError["code"], ProblemCode>>> = {
  email_taken: "VK6001",
  not_found: "VK5002",
  busy: "VK1001",
};

/** The person at the terminal ended a command that was at work; all of it is closed. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/** Finds the page for whatever was thrown. */
export function problemOf(error: unknown): CliError {
  if (error instanceof CliError) return error;
  if (error instanceof CommanderError) return new CliError("VK2000", [["got", oneLine(error.message)]]);
  if (isConfigError(error)) {
    return new CliError(
      "VK3000",
      error.mistakes.map(({ key, what, got, origin, why, fix }) => [
        key,
        `${what}${got === undefined ? "" : `, got ${got}`}${origin === undefined ? "" : ` (${origin})`}${
          why === undefined ? "" : `; why: ${why}`
        }${fix === undefined ? "" : `; fix: ${fix}`}`,
      ]),
    );
  }
  if (error instanceof DirectoryError)
    return new CliError(
      byDirectory[error.code] ?? "VK2002",
      error.all.map(({ message }) => ["why", message]),
    );
  if (!(error instanceof Error)) return new CliError("VK1000", [["why", String(error)]]);
  const { description, code } = error as { description?: unknown; code?: unknown };
  const why = typeof description === "string" ? description : error.message;
  const page = byName[error.name] ?? bySystem[String(code)] ?? "VK1000";
  return new CliError(page, [["why", why]], fixOf(page, error));
}

/** What helps with this very error, where that is known better than on its page. */
function fixOf(page: ProblemCode, error: Error): string | undefined {
  if (page === "VK8001") return createdb(error);
  const { port } = error as { port?: unknown };
  return page === "VK6003" && port === 4010 ? problemPages.VK6003.fix.replace("4010", "4020") : undefined;
}

/** How to make the database that an error of PostgreSQL, or its cause, says is not there (SQLSTATE 3D000). */
export function createdb(error: unknown): string | undefined {
  for (let one = error; one instanceof Error; one = one.cause) {
    if ((one as { code?: unknown }).code !== "3D000") continue;
    const name = /"([^"]+)"/.exec(one.message)?.[1] ?? "";
    return `createdb ${/^\w+$/.test(name) ? name : "<name>"}, at the server of VALETKEY_DATABASE_URL, then try again`;
  }
  return undefined;
}

/** By its name: its module brings all that a configuration can name, and most commands that fail never came so far. */
const isConfigError = (error: unknown): error is ConfigError => error instanceof Error && error.name === "ConfigError";

/** Says how a command is written; `path`: its name, e.g. `valetkey user add`. */
export function usageError(error: CommanderError, path: string): CliError {
  return new CliError("VK2000", [["got", oneLine(error.message)]], `${path} --help`);
}

const oneLine = (message: string) => message.replace(/^error: /, "").replace(/\s*\n\s*/g, " ");

/** Writes a problem for people: what, details, fix, where to read more. */
export function describeProblem({ code, message, details, fix }: CliError): string {
  const lines = [...details, ["fix", fix], ["docs", `valetkey explain ${code}`]] as const;
  const width = Math.max(...lines.map(([label]) => label.length));
  return [`✗ ${code}  ${message}`, ...lines.map(([label, text]) => `    ${label.padEnd(width)}  ${text}`)].join("\n");
}

/** The same for programs. */
export function problemJson({ code, message, details, fix }: CliError): string {
  const said = details.map(([label, text]) => ({ label, text }));
  return JSON.stringify({ error: { code, message, hint: fix, docs: `valetkey explain ${code}`, details: said } });
}
