/**
 * What the consent page looks like. Its ids are a promise to scripts: #title, #deny and #allow (name=decision), name=scope.
 *
 * RFC 6749 §10.2, RFC 9700 §4.16, RFC 8252 §8.6. Shows who asks, for whom, what in words, and where the person will be sent;
 * refusing comes first and is as large as allowing.
 */
import type { Interaction } from "@valetkey/provider/options";
import { ApprovalBox } from "./approval-box.tsx";
import { type FormError, Notice, Person, Problems, Token } from "./parts.tsx";
import { type Look, type Shown, stepPath } from "./site.ts";
import { StrangerNotice } from "./stranger-notice.tsx";

export interface ConsentView {
  readonly interaction: Interaction;
  readonly person: Shown;
  readonly token: string;
  readonly errors: readonly FormError[];
  /** The network this browser is on; see `networkOf`. */
  readonly network?: string | undefined;
}

type AskedScope = Interaction["scopes"][number];

/** The consent page's content. */
export function ConsentForm({ look, view }: { readonly look: Look; readonly view: ConsentView }) {
  const { interaction, person, token, errors, network } = view;
  const { client, approval } = interaction;
  const action = stepPath(look, "/consent", interaction);
  const name = <bdi>{client.client_name}</bdi>;
  return (
    <div class="card">
      <h1 id="title">Allow {name}?</h1>
      <Who interaction={interaction} />
      <Problems errors={errors} />
      <StrangerNotice interaction={interaction} />
      {approval !== undefined && <ApprovalBox approval={approval} client={client} network={network} />}
      <form class="as-whom" method="post" action={action}>
        <Token token={token} />
        <Person person={person} />
        <button id="not-you" class="link" type="submit" name="decision" value="other">
          Not you?
        </button>
      </form>
      <form method="post" action={action} data-considered="500">
        <Token token={token} />
        <input type="hidden" name="subject" value={person.subject} />
        <Scopes scopes={interaction.scopes} />
        <Details interaction={interaction} />
        {interaction.resource.length > 0 && (
          <p class="detail">
            For use at <bdi class="host">{interaction.resource.join(", ")}</bdi>
          </p>
        )}
        <Destination interaction={interaction} />
        <div class="buttons equal">
          <button id="deny" type="submit" name="decision" value="deny">
            Don’t allow
          </button>
          <button id="allow" class="main" type="submit" name="decision" value="allow">
            Allow
          </button>
        </div>
      </form>
      <p class="detail">
        You can remove access at any time under <em>Connected apps</em> in your account.
      </p>
    </div>
  );
}

function Who({ interaction }: { readonly interaction: Interaction }) {
  const { client, destination, approval } = interaction;
  const links = [
    { href: client.client_uri, words: "About this app" },
    { href: client.policy_uri, words: "Privacy policy" },
    { href: client.tos_uri, words: "Terms" },
  ].filter((link): link is { href: string; words: string } => link.href !== undefined && isWeb(link.href));
  return (
    <p class="lead">
      {client.host !== undefined ? (
        <bdi class="host">{client.host}</bdi>
      ) : destination === undefined ? (
        approval?.kind === "oauth1" ? (
          "an app that asks you for a code"
        ) : (
          "on another device"
        )
      ) : destination.loopback || destination.scheme !== undefined ? (
        "an app on this device"
      ) : (
        <bdi class="host">{destination.host}</bdi>
      )}
      {links.map(({ href, words }) => (
        <>
          {" · "}
          <a href={href} rel="noreferrer nofollow" target="_blank">
            {words}
          </a>
        </>
      ))}
    </p>
  );
}

function Scopes({ scopes }: { readonly scopes: readonly AskedScope[] }) {
  const isIdentity = ({ scope }: AskedScope) => ["profile", "email", "address", "phone"].includes(scope);
  const asked = scopes.filter(({ scope }) => scope !== "openid" && scope !== "offline_access");
  const fresh = asked.filter(({ granted }) => !granted);
  const known = asked.filter(({ granted }) => granted);
  const openid = scopes.find(({ scope }) => scope === "openid");
  const offline = scopes.find(({ scope }) => scope === "offline_access");
  const identity = fresh.filter(isIdentity);
  const access = fresh.filter((scope) => !isIdentity(scope));
  return (
    <>
      {(openid !== undefined || identity.length > 0) && (
        <fieldset>
          <legend>It wants to know who you are</legend>
          {openid !== undefined && (
            <p class="check given">
              <input type="hidden" name="scope" value="openid" />
              <Tick /> <span>{openid.words} (always)</span>
            </p>
          )}
          {identity.map(Box)}
        </fieldset>
      )}
      {access.length > 0 && (
        <fieldset>
          <legend>It wants to</legend>
          {access.map(Box)}
        </fieldset>
      )}
      {known.length > 0 && (
        <details>
          <summary>Already allowed ({known.length})</summary>
          {known.map(Box)}
        </details>
      )}
      {offline !== undefined ? (
        <fieldset>
          <legend>It wants to go on when you are not here</legend>
          <Box {...offline} />
          <p class="detail">Ticked, access lasts until you remove it. Otherwise it ends when you sign out here.</p>
        </fieldset>
      ) : (
        <p class="detail">Access ends at the latest when you sign out here.</p>
      )}
    </>
  );
}

/** What has no box: it is allowed as a whole or not at all (RFC 9396 §8, OpenID Connect Core §5.5). */
function Details({ interaction }: { readonly interaction: Interaction }) {
  const { details, claims } = interaction;
  return (
    <>
      {details.map(({ type, words }) => (
        <fieldset>
          <legend>This once, it wants to</legend>
          <ul class="details" data-type={type}>
            {words.map((line) => (
              <li>
                <bdi>{line}</bdi>
              </li>
            ))}
          </ul>
        </fieldset>
      ))}
      {claims.length > 0 && (
        <fieldset>
          <legend>It also wants to know</legend>
          <ul class="details">
            {claims.map((claim) => (
              <li>{wordsOfClaim(claim)}</li>
            ))}
          </ul>
        </fieldset>
      )}
    </>
  );
}

const claimWords: Readonly<Record<string, string>> = {
  name: "Your name",
  given_name: "Your first name",
  family_name: "Your family name",
  preferred_username: "Your user name",
  picture: "Your picture",
  email: "Your e-mail address",
  email_verified: "Whether your e-mail address was verified",
  phone_number: "Your phone number",
  phone_number_verified: "Whether your phone number was verified",
  birthdate: "Your date of birth",
  locale: "Your language",
  zoneinfo: "Your time zone",
  updated_at: "When your profile last changed",
};

const wordsOfClaim = (claim: string) =>
  (Object.hasOwn(claimWords, claim) ? claimWords[claim] : undefined) ?? claim.replaceAll("_", " ");

function Box({ scope, words }: AskedScope) {
  const id = `scope-${scope}`;
  return (
    <p class="check">
      <input type="checkbox" id={id} name="scope" value={scope} checked />
      <label for={id}>{words}</label>
    </p>
  );
}

function Tick() {
  return (
    <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false">
      <path class="tick" d="m4 10.5 4 4 8-9" />
    </svg>
  );
}

function Destination({ interaction }: { readonly interaction: Interaction }) {
  const { destination } = interaction;
  if (destination === undefined) return null;
  if (destination.scheme !== undefined) {
    return (
      <Notice kind="warning">
        <p>
          You will be sent to an app on this device that opens <bdi class="host">{destination.scheme}:</bdi> links. Any
          installed app can claim them: allow this only if you just started it from an app you trust.
        </p>
      </Notice>
    );
  }
  if (destination.loopback) {
    return (
      <Notice kind="warning">
        <p>
          You will be sent to an app on this computer, <bdi class="host">{destination.host}</bdi>. Allow this only if
          you just started it yourself.
        </p>
      </Notice>
    );
  }
  return (
    <p class="detail">
      You will be sent to <bdi class="host">{destination.host}</bdi>
    </p>
  );
}

function isWeb(uri: string): boolean {
  return /^https?:\/\//i.test(uri);
}
