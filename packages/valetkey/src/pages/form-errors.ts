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
  password_same: "password",
  wrong_password: "current",
};

/** Turns a `DirectoryError`, and those that apply besides, into a form's errors; whatever else was thrown is thrown again. */
export function formErrors(thrown: unknown): Refused {
  if (!(thrown instanceof DirectoryError)) throw thrown;
  const errors = thrown.all.map(({ code, message }) => {
    const field = fields[code];
    return field === undefined ? { message } : { field, message };
  });
  return { errors, status: thrown.code === "busy" ? 503 : 422 };
}
