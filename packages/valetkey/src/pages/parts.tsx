/**
 * Building blocks of pages: fields with their errors, the summary of what is wrong, notices, a person.
 *
 * WCAG 2.2 §1.3.1, §3.3.1 to §3.3.3, §3.3.8. Guarantees that an error is tied to its field by `aria-describedby` and
 * `aria-invalid`, and is said again in a summary that assistive technology announces.
 */
import type { Child } from "hono/jsx";
import type { Shown } from "./site.ts";

/** What is wrong with a form that is shown again. `field`: id of the field it is about. */
export interface FormError {
  readonly field?: string;
  readonly message: string;
}

/** The hidden field every form carries. */
export function Token({ token }: { readonly token: string }) {
  return <input type="hidden" name="csrf" value={token} />;
}

/** Says what is wrong, first thing on the page. */
export function Problems({ errors }: { readonly errors: readonly FormError[] }) {
  return errors.length === 0 ? null : (
    <div class="problem" role="alert" id="problem">
      {errors.map(({ field, message }) => (
        <p>{field === undefined ? message : <a href={`#${field}`}>{message}</a>}</p>
      ))}
    </div>
  );
}

/** Says that something was done, or what to know before going on. */
export function Notice({ kind, children }: { readonly kind: "done" | "note" | "warning"; readonly children?: Child }) {
  return (
    <div class={`notice ${kind}`} role={kind === "done" ? "status" : undefined}>
      {children}
    </div>
  );
}

interface FieldProps {
  readonly id: string;
  readonly label: string;
  readonly type?: "text" | "email" | "password";
  readonly autocomplete: string;
  readonly value?: string | undefined;
  readonly hint?: string | undefined;
  readonly errors: readonly FormError[];
  readonly focus?: boolean;
  /** Attributes of the input beside these. */
  readonly more?: Readonly<Record<string, string | number>>;
}

/** A labelled input; its name is its id. A password gets a button that reveals it, from the script. */
export function Field({ id, label, type = "text", autocomplete, value, hint, errors, focus, more }: FieldProps) {
  const error = errors.find(({ field }) => field === id);
  const firstBad = errors.find(({ field }) => field !== undefined)?.field;
  const described = [hint === undefined ? "" : `${id}-hint`, error === undefined ? "" : `${id}-error`]
    .filter((name) => name !== "")
    .join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error !== undefined && (
        <p class="field-error" id={`${id}-error`}>
          {error.message}
        </p>
      )}
      <span class="input">
        <input
          id={id}
          name={id}
          type={type}
          autocomplete={autocomplete}
          value={value}
          required
          spellcheck={false}
          autocapitalize={type === "text" ? "words" : "none"}
          maxlength={type === "password" ? 4096 : 320}
          aria-describedby={described === "" ? undefined : described}
          aria-invalid={error === undefined ? undefined : "true"}
          // Where there is something to correct, that is where to begin.
          autofocus={firstBad === undefined ? focus : firstBad === id}
          {...more}
        />
      </span>
    </div>
  );
}

/** A field for a new password, with the rules said before typing. */
export function NewPassword({ label, errors }: { readonly label: string; readonly errors: readonly FormError[] }) {
  return (
    <Field
      id="password"
      label={label}
      type="password"
      autocomplete="new-password"
      hint="At least 8 characters. A few unrelated words make a good one."
      errors={errors}
      more={{ minlength: 8, passwordrules: "minlength: 8; maxlength: 1024;" }}
    />
  );
}

/** Whose password the form is about, for password managers; nobody sees it. */
export function ForManagers({ username }: { readonly username: string | undefined }) {
  return <input type="text" name="username" autocomplete="username" value={username} readonly hidden />;
}

/** Who is meant: a letter in a circle, name and e-mail. */
export function Person({ person }: { readonly person: Shown }) {
  return (
    <span class="person">
      <span class="initial" aria-hidden="true">
        {initialOf(person.name)}
      </span>
      <span class="who">
        <bdi class="name">{person.name}</bdi>
        {person.email !== undefined && person.email !== person.name && <bdi class="email">{person.email}</bdi>}
      </span>
    </span>
  );
}

function initialOf(name: string): string {
  return ([...name.trim()][0] ?? "?").toUpperCase();
}

/** A moment in time, readable by people and programs. Milliseconds. */
export function When({ at }: { readonly at: number }) {
  const date = new Date(at);
  const words = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" });
  return <time datetime={date.toISOString()}>{words.format(date)} UTC</time>;
}
