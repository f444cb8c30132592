/**
 * What is asked of somebody new, read as a whole: whoever fills in a form learns all that is wrong with it in one go.
 */
import { DirectoryError } from "./directory.ts";
import { canonicalEmail } from "./email.ts";
import { checkPassword } from "./password-policy.ts";
import { readName } from "./person.ts";

interface Given {
  readonly email: string;
  readonly name: string;
  readonly password?: string;
}

/** Gives address and name in their canonical forms. Throws `DirectoryError`, with every mistake in `all`. */
export function readNewPerson(given: Given): { readonly email: string; readonly name: string } {
  const wrong: DirectoryError[] = [];
  const read = (work: () => string | undefined): string => {
    try {
      return work() ?? "";
    } catch (error) {
      if (!(error instanceof DirectoryError)) throw error;
      wrong.push(error);
      return "";
    }
  };
  const email = read(() => canonicalEmail(given.email));
  const name = read(() => readName(given.name));
  const { password } = given;
  if (password !== undefined) {
    read(() => {
      checkPassword(password, [email, name]);
      return undefined;
    });
  }
  const [first, ...others] = wrong;
  if (first !== undefined) throw new DirectoryError(first.code, first.message, others);
  return { email, name };
}
