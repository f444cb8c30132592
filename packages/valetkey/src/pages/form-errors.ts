/**
 * What the directory says when something cannot be done, as errors of the form's fields.
 */
import { DirectoryError } from "../accounts/directory.ts";
import type { FormError } from "./parts.tsx";

/** A form that is shown again, and with which status (RFC 9110 §15.5.21, §15.6.4). */
export interface Refused {
  readonly errors: readonly FormError[];
  readonly status: number;
}

const fields: Readonly<Partial<Record<DirectoryError["code"], string>>> = {
  email_taken: "email",
  email_invalid: "email",
  name_invalid: "name",
  password_weak: "password",
  wrong_password: "current",
};

/** Turns a `DirectoryError` into a form's errors; whatever else was thrown is thrown again. */
export function formErrors(thrown: unknown): Refused {
  if (!(thrown instanceof DirectoryError)) throw thrown;
  const field = fields[thrown.code];
  const error = field === undefined ? { message: thrown.message } : { field, message: thrown.message };
  return { errors: [error], status: thrown.code === "busy" ? 503 : 422 };
}
