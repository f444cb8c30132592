/**
 * What the pages show: the start, the ways to sign in, a person's profile.
 */
import type { Account, Auth, SignInPage } from "@valetkey/client";
import type { LinkedAccount, Person } from "./people.ts";
import type { Way } from "./ways.ts";

const time = (at: number) => new Date(at).toISOString().slice(0, 16).replace("T", " ");
const labelOf = (ways: readonly Way[], name: string): string =>
  ways.find(({ provider }) => provider.name === name)?.provider.label ?? name;

export const Welcome = () => (
  <section>
    <p>A place where you are known by the accounts you have elsewhere.</p>
    <a class="button main" id="sign-in" href="/auth/login">
      Sign in
    </a>
  </section>
);

/** The page at /auth/login: links, because nothing happens here before somebody comes back. */
export const SignIn = ({ ways }: SignInPage) => (
  <section>
    <ul class="ways">
      {ways.map(({ name, label, href }) => (
        <li>
          <a class="button" id={`way-${name}`} href={href}>
            Continue with {label}
          </a>
        </li>
      ))}
    </ul>
  </section>
);

export interface ProfileView {
  readonly person: Person;
  readonly auth: Auth;
  readonly ways: readonly Way[];
  readonly accounts: readonly LinkedAccount[];
  /** What is held of the providers: scopes and times, never a token. */
  readonly access: readonly Account[];
  readonly notice: string | undefined;
}

export function Profile({ person, auth, ways, accounts, access, notice }: ProfileView) {
  const label = labelOf(ways, auth.provider);
  const { picture, email, email_verified } = auth.user;
  return (
    <>
      {notice && (
        <p class="card" id="notice" role="status">
          {notice}
        </p>
      )}
      <section aria-labelledby="you">
        <h2 id="you">You</h2>
        <div class="who">
          {picture?.startsWith("https:") && <img src={picture} alt="" referrerpolicy="no-referrer" />}
          <p>
            Signed in with <b>{label}</b> as <b id="name">{auth.user.name ?? auth.user.sub}</b>
            <br />
            <span class="soft" id="email">
              {email ?? "no e-mail address was told"}
              {email !== undefined && (email_verified ? ", verified" : ", not verified")}
            </span>
          </p>
        </div>
        <form method="post" action="/profile">
          <label>
            Name shown here <input name="name" value={person.name} required maxlength={80} autocomplete="name" />
          </label>
          <label>
            Colours
            <select name="theme">
              {[
                ["auto", "as the device"],
                ["light", "light"],
                ["dark", "dark"],
              ].map(([value, text]) => (
                <option value={value} selected={value === person.theme}>
                  {text}
                </option>
              ))}
            </select>
          </label>
          <button type="submit" class="main" id="save">
            Save
          </button>
        </form>
      </section>
      <Accounts accounts={accounts} ways={ways} auth={auth} />
      <section aria-labelledby="access">
        <h2 id="access">What they let us do</h2>
        {access.map(({ provider, scope, expiresAt, signInAgain }) => (
          <>
            <dl>
              <dt>Account</dt>
              <dd>{labelOf(ways, provider)}</dd>
              <dt>Scopes</dt>
              <dd>{scope.join(" ")}</dd>
              <dt>Access token</dt>
              <dd>
                {signInAgain
                  ? "ended: sign in again"
                  : expiresAt === undefined
                    ? "without an end"
                    : `until ${time(expiresAt)} UTC, then renewed`}
              </dd>
            </dl>
            <p>
              <a class="button" id={`ask-${provider}`} href={`/profile/ask/${provider}`}>
                Ask {labelOf(ways, provider)} who I am
              </a>
            </p>
          </>
        ))}
      </section>
      <SignOut
        label={label}
        offered={ways.find(({ provider }) => provider.name === auth.provider)?.signsOut === true}
      />
    </>
  );
}

function Accounts({ accounts, ways, auth }: Pick<ProfileView, "accounts" | "ways" | "auth">) {
  return (
    <section aria-labelledby="accounts">
      <h2 id="accounts">Accounts you can sign in with</h2>
      <ul class="accounts">
        {accounts.map(({ issuer, sub, provider, title, lastSignIn }) => (
          <li>
            <span>
              <b>{labelOf(ways, provider)}</b> {title}
              <br />
              <small>last used {time(lastSignIn)} UTC</small>
            </span>
            {issuer === auth.issuer && sub === auth.user.sub ? (
              <span class="badge">in use now</span>
            ) : (
              <form method="post" action="/disconnect">
                <input type="hidden" name="issuer" value={issuer} />
                <input type="hidden" name="sub" value={sub} />
                <button type="submit" aria-label={`Remove ${labelOf(ways, provider)} ${title}`}>
                  Remove
                </button>
              </form>
            )}
          </li>
        ))}
      </ul>
      <p class="soft">
        An account that has been somebody by itself here becomes yours when you add it; what was saved under it alone is
        given up.
      </p>
      <div class="row">
        {ways.map(({ provider: { name, label } }) => (
          <form method="post" action={`/auth/login/${name}`}>
            <input type="hidden" name="link" value="true" />
            <input type="hidden" name="returnTo" value="/profile?done=connected" />
            <button type="submit" id={`connect-${name}`}>
              Add {label}
            </button>
          </form>
        ))}
      </div>
    </section>
  );
}

const SignOut = ({ label, offered }: { label: string; offered: boolean }) => (
  <section aria-labelledby="leave">
    <h2 id="leave">Sign out</h2>
    <form method="post" action="/auth/logout" class="row">
      <button type="submit" id="sign-out">
        Here
      </button>
      <button type="submit" id="sign-out-everywhere" name="everywhere" value="true">
        In every browser
      </button>
      {offered && (
        <button type="submit" id="sign-out-provider" name="provider" value="true">
          At {label} too
        </button>
      )}
    </form>
  </section>
);
