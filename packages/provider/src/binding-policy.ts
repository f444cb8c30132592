/**
 * Which clients must have tokens that are bound to a key (RFC 9449, RFC 8705; FAPI 2.0 Security Profile §5.3.2.1).
 */
import type { BindingPolicy } from "./op.ts";

/** Those that registered so: the default. */
export const boundAsRegistered: BindingPolicy = () => false;

/** All of them: there are no bearer tokens. */
export const boundAlways: BindingPolicy = () => true;

/** Public clients: their refresh tokens have nothing else that protects them (RFC 9700 §4.14.2 allows rotation instead). */
export const boundForPublicClients: BindingPolicy = ({ client }) => !client.confidential;
