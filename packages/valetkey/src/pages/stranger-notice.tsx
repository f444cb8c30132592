/**
 * What a person is told of an app that nobody here vouches for (RFC 7591 §5, CN-05;
 * draft-ietf-oauth-client-id-metadata-document-03 §9.5).
 *
 * The one property: of an app that is known by a document of its own the host is shown which that document, and so the name,
 * comes from; and any other place the answer goes to. Its logo is not shown: fetching it would tell the app who looks at it.
 */
import type { Interaction } from "@valetkey/provider/options";
import { Notice } from "./parts.tsx";

/** Warnings about who asks; none for an app that was registered here. */
export function StrangerNotice({ interaction }: { readonly interaction: Interaction }) {
  const { client, destination } = interaction;
  if (client.host !== undefined) {
    const host = <bdi class="host">{client.host}</bdi>;
    const elsewhere =
      destination !== undefined &&
      !destination.loopback &&
      destination.scheme === undefined &&
      destination.host !== client.host;
    return (
      <>
        <Notice kind="warning">
          <p>
            <strong>Not verified.</strong> This app comes from {host}, and so does its name. Nobody here has checked it:
            allow it only if you trust {host} and have just started it yourself.
          </p>
          {elsewhere && (
            <p>
              You will not be sent back there, but to <bdi class="host">{destination.host}</bdi>.
            </p>
          )}
        </Notice>
        {client.changed === true && (
          <Notice kind="note">
            <p>This app has changed since you allowed it something, so you are asked again.</p>
          </Notice>
        )}
      </>
    );
  }
  if (client.provenance !== "dynamic") return null;
  return (
    <Notice kind="warning">
      <p>
        <strong>Not verified.</strong> This app registered itself. Nobody here has checked who is behind the name.
      </p>
    </Notice>
  );
}
