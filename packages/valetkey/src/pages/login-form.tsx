/**
 * What the sign-in page looks like. Its ids are a promise to scripts: #title, #username, #password, #remember, #submit.
 */
import type { Interaction } from "@valetkey/provider/options";
import { Field, type FormError, Notice, Person, Problems, Token } from "./parts.tsx";
import { type Look, pathOf, type Shown, stepPath } from "./site.ts";

export interface LoginView {
  readonly interaction?: Interaction | undefined;
  readonly token: string;
  readonly username?: string | undefined;
  readonly remember?: boolean;
  readonly errors: readonly FormError[];
  /** There is no account at all yet. */
  readonly empty: boolean;
  /** A new password was set a moment ago. */
  readonly passwordSet: boolean;
  /** Who is signed in, when this page was opened without an app asking. */
  readonly already?: Shown | undefined;
}

/** The sign-in page's content. */
export function LoginForm({ look, view }: { readonly look: Look; readonly view: LoginView }) {
  const { interaction, token, username, errors } = view;
  return (
    <div class="card">
      <h1 id="title">Sign in</h1>
      {interaction !== undefined && <ToContinue interaction={interaction} />}
      <Problems errors={errors} />
      {view.passwordSet && <Notice kind="done">Your new password is set. Sign in with it.</Notice>}
      {view.empty && <NoAccountYet />}
      {interaction?.again === true && (
        <Notice kind="note">The app asks you to sign in again, to be sure that it is you.</Notice>
      )}
      {view.already !== undefined && <AlreadySignedIn look={look} person={view.already} />}
      <form
        method="post"
        action={interaction === undefined ? pathOf(look, "/login") : stepPath(look, "/login", interaction)}
      >
        <Token token={token} />
        <Field
          id="username"
          label="E-mail or user name"
          autocomplete="username"
          value={username}
          errors={errors}
          focus={username === undefined}
          more={{ autocapitalize: "none" }}
        />
        <Field
          id="password"
          label="Password"
          type="password"
          autocomplete="current-password"
          errors={errors}
          focus={username !== undefined}
        />
        <p class="check">
          <input type="checkbox" id="remember" name="remember" value="yes" checked={view.remember === true} />
          <label for="remember">Stay signed in on this device</label>
        </p>
        <div class="buttons stacked">
          <button id="submit" class="main" type="submit" name="action" value="login">
            Sign in
          </button>
          {interaction !== undefined && (
            <button id="cancel" class="quiet" type="submit" name="action" value="cancel" formnovalidate>
              {interaction.destination === undefined ? "Cancel" : "Cancel and go back"}
            </button>
          )}
        </div>
      </form>
    </div>
  );
}

/** Which app the person is on the way to, and where that is. */
export function ToContinue({ interaction }: { readonly interaction: Interaction }) {
  const { client, destination } = interaction;
  return (
    <p class="lead">
      to continue to{" "}
      <strong>
        <bdi>{client.client_name}</bdi>
      </strong>{" "}
      <span class="host">
        (
        {client.host !== undefined ? (
          <bdi>{client.host}</bdi>
        ) : destination === undefined ? (
          "on another device"
        ) : destination.loopback || destination.scheme !== undefined ? (
          "an app on this device"
        ) : (
          <bdi>{destination.host}</bdi>
        )}
        )
      </span>
    </p>
  );
}

function NoAccountYet() {
  return (
    <Notice kind="note">
      <p>
        <strong>There is no account here yet.</strong>
      </p>
      <p>The server printed a set-up link when it started. Open that link to create the first account.</p>
    </Notice>
  );
}

function AlreadySignedIn({ look, person }: { readonly look: Look; readonly person: Shown }) {
  return (
    <Notice kind="note">
      <Person person={person} />
      <p>
        You are signed in. <a href={pathOf(look, "/account")}>Go to your account</a>, or sign in as somebody else below.
      </p>
    </Notice>
  );
}
