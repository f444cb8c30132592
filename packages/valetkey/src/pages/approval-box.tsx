/**
 * What a person should compare and know before they allow something on another device.
 *
 * RFC 8628 §3.3.1, §5.4 and §6.1, CIBA Core §7.1, RFC 10027 (user experience). Guarantees that the code is shown again, with where the
 * request came from, and that whoever did not start it is told to refuse.
 */
import type { Approval, Interaction } from "@valetkey/provider/options";
import { Notice, When } from "./parts.tsx";

interface BoxProps {
  readonly approval: Approval;
  readonly client: Interaction["client"];
  /** The network of the browser that shows the page. */
  readonly network: string | undefined;
}

/** The box on the consent page. */
export function ApprovalBox({ approval, client, network }: BoxProps) {
  const { kind, user_code, binding_message } = approval;
  return (
    <div class="approval" id="approval">
      {user_code !== undefined && (
        <>
          <p>Is this the code on the device in front of you?</p>
          <p class="user-code" id="user-code">
            {user_code}
          </p>
        </>
      )}
      {binding_message !== undefined && (
        <>
          <p>
            <bdi>{client.client_name}</bdi> should show or tell you the same:
          </p>
          <p class="binding-message" id="binding-message">
            <bdi>{binding_message}</bdi>
          </p>
        </>
      )}
      <Origin approval={approval} network={network} />
      <Notice kind="warning">
        {kind === "device" ? (
          <p>
            Allow this only if you started it yourself, on a device you have with you. If somebody sent you the code or
            a link, do not allow it: it would give <strong>them</strong> access.
          </p>
        ) : kind === "oauth1" ? (
          <p>
            You will get a code to type into <bdi>{client.client_name}</bdi>. Allow this only if you started it there
            yourself. If somebody sent you here, do not allow it: with the code <strong>they</strong> would get access.
          </p>
        ) : (
          <p>
            Allow this only if you are dealing with <bdi>{client.client_name}</bdi> right now. If you did not expect it,
            do not allow it: somebody may be pretending to be you.
          </p>
        )}
      </Notice>
    </div>
  );
}

/** When and where the request was made: somebody else's is mostly from somewhere else. */
export function Origin({ approval, network }: Pick<BoxProps, "approval" | "network">) {
  const { network: from, createdAt, kind } = approval;
  // What asks in the backchannel is a server: its network says nothing about the person.
  if (kind === "backchannel" || from === undefined)
    return (
      <p class="detail" id="origin">
        Asked <When at={createdAt} />
      </p>
    );
  return (
    <p class="detail" id="origin">
      Started <When at={createdAt} />,{" "}
      {from === network ? "from the network you are on now" : "from another network than yours"}:{" "}
      <bdi class="host">{from}</bdi>
    </p>
  );
}
