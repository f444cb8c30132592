/**
 * `valetkey user …`: the people of the built-in directory.
 *
 * The one property: who is disabled or removed is out at once: no session, consent or grant is left, whatever the order of
 * events in a running server beside us.
 */
import type { Command } from "commander";
import { DirectoryError, type Person } from "../accounts/directory.ts";
import { CliError } from "./errors.ts";
import { columns, harmless, readSecretInput, show, showList, type Terminal } from "./terminal.ts";
import {
  type CommonFlags,
  rowLimit,
  shownDatabase,
  type Tools,
  withCommonFlags,
  withExisting,
  withProvider,
} from "./with-provider.ts";

interface AddFlags extends CommonFlags {
  readonly email: string;
  readonly name?: string;
  readonly passwordStdin?: boolean;
  readonly emailVerified?: boolean;
}

interface ListFlags extends CommonFlags {
  readonly search?: string;
  readonly after?: string;
  readonly limit?: number;
}

export function addUser(user: Command, terminal: Terminal): void {
  withCommonFlags(user.command("add"))
    .description("add a person; without --password-stdin prints a link with which they set a password")
    .requiredOption("--email <address>", "e-mail address")
    .option("--name <name>", "name to show; the part before the @ unless given")
    .option("--password-stdin", "read the password from standard input")
    .option("--email-verified", "the address is known to be theirs")
    .action(async (flags: AddFlags) => {
      const password = flags.passwordStdin === true ? { password: await readSecretInput(terminal) } : {};
      const { email, name = email.replace(/@.*$/, "") } = flags;
      await withProvider(terminal, flags, async (tools) => {
        const verified = flags.emailVerified === true;
        const made = tools.directory.create({ email, name, email_verified: verified, ...password });
        const person = await made.catch((error) => {
          throw error instanceof DirectoryError ? notSaved(error, email) : error;
        });
        const link = person.password ? undefined : await resetLink(tools, person);
        const lines = [
          `added ${person.email} (${person.subject})`,
          ...(link === undefined ? [] : [`invitation ${link}`, `           ${goodFor}`]),
        ];
        show(terminal, flags, { ...person, ...(link === undefined ? {} : { invitation: link }) }, lines);
      });
    });

  withCommonFlags(user.command("list"))
    .description("list people")
    .option("--search <text>", "part of a name or address")
    .option("--after <subject>", "start after this subject")
    .option("--limit <number>", "at most so many, 100 unless given", rowLimit)
    .action((flags: ListFlags) =>
      withExisting(terminal, flags, async ({ directory, settings }) => {
        const { search, after, limit } = flags;
        const people = await directory.list({
          ...(search === undefined ? {} : { search }),
          ...(after === undefined ? {} : { after }),
          ...(limit === undefined ? {} : { limit }),
        });
        const empty = `no people${search === undefined && after === undefined ? "" : " like that"} in ${shownDatabase(settings)}`;
        showList(terminal, flags, people, ["subject", "e-mail", "name", "state"], people.map(rowOf), empty);
      }),
    );

  onPerson(user, terminal, "show", "show one person", async (_, person) => ({
    value: person,
    lines: columns(
      Object.entries(person).map(([name, value]) => [
        name,
        name === "createdAt" ? new Date(Number(value)).toISOString() : harmless(String(value)),
      ]),
    ),
  }));

  onPerson(
    user,
    terminal,
    "disable",
    "stop a person from signing in and end all they are signed in to",
    async (tools, { subject }) => {
      const value = await tools.directory.setDisabled(subject, true);
      await tools.provider.grants.forget(subject);
      return { value, lines: `disabled ${value.email}` };
    },
  );

  onPerson(user, terminal, "enable", "let a disabled person sign in again", async ({ directory }, { subject }) => {
    const value = await directory.setDisabled(subject, false);
    return { value, lines: `enabled ${value.email}` };
  });

  onPerson(user, terminal, "reset", "print a link with which the person sets a new password", async (tools, person) => {
    const link = await resetLink(tools, person);
    terminal.say(goodFor);
    return { value: { subject: person.subject, link }, lines: link };
  });

  onPerson(user, terminal, "rm", "remove a person for good", async (tools, { subject, email }) => {
    // Disabled first: a sign-in that is under way leaves nothing behind that works.
    await tools.directory.setDisabled(subject, true);
    await tools.provider.grants.forget(subject);
    await tools.directory.remove(subject);
    return { value: { subject, removed: true }, lines: `removed ${email}` };
  });
}

/** Adds a command about one person, named by address or subject. */
function onPerson(
  user: Command,
  terminal: Terminal,
  name: string,
  description: string,
  work: (tools: Tools, person: Person) => Promise<{ value: unknown; lines: string | string[] }>,
): void {
  withCommonFlags(user.command(name).argument("<who>", "e-mail address or subject"))
    .description(description)
    .action((who: string, flags: CommonFlags) =>
      withExisting(terminal, flags, async (tools) => {
        const person = (await tools.directory.byEmail(who)) ?? (await tools.directory.person(who));
        if (!person) {
          throw new CliError("VK5002", [
            ["got", harmless(who)],
            ["looked in", shownDatabase(tools.settings)],
          ]);
        }
        const { value, lines } = await work(tools, person);
        show(terminal, flags, value, lines);
      }),
    );
}

const goodFor = "works once, within 24 hours";

/** Says what of a new person was refused; an address that is taken needs no second sentence about it. */
function notSaved(error: DirectoryError, email: string): unknown {
  const got = harmless(email);
  if (error.code === "email_taken") return new CliError("VK6001", [["got", got]], `valetkey user show ${got}`);
  if (!error.all.some(({ code }) => code === "email_invalid")) return error;
  return new CliError("VK2002", [...error.all.map(({ message }) => ["why", message] as const), ["got", got]]);
}

async function resetLink({ directory, provider }: Tools, { subject }: Person): Promise<string> {
  return `${provider.issuer.replace(/\/$/, "")}/reset?token=${await directory.createResetToken(subject)}`;
}

function rowOf(person: Person): string[] {
  const state = person.disabled ? "disabled" : person.password ? "" : "invited";
  return [person.subject, person.email, harmless(person.name), state];
}
