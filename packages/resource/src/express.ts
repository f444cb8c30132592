/**
 * protectResource for Express 5: that of `node`, which is all Express needs.
 *
 * Guarantees the same as there. Behind a router that cuts its mount path off, proofs are still compared with the whole path.
 */
export {
  type CheckedRequest,
  type Middleware,
  type NodeOptions,
  type NodeResource,
  protectResource,
  type ResourceOptions,
  type Scopes,
  subjectKey,
  type Token,
  tokenOf,
} from "./node.ts";
